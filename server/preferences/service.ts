import type { ServerScope } from 'nano';
import { latestEditStamp, nextEditStamp, type DeviceId } from '../../couchdb-design/user-document/edit-stamp.ts';
import { applyEdit } from '../../couchdb-design/user-document/merge.ts';
import { resolveConflict } from '../../couchdb-design/user-document/revisions.ts';
import { needsMigration } from '../../couchdb-design/user-document/migrate-user-document.ts';
import type {
  PatchOf,
  Preferences,
  UserDocument,
  UserDocumentId,
  Username,
} from '../../couchdb-design/user-document/user-document.ts';
import { HttpError } from '../http/errors.ts';
import type { KeyedConcurrencyLimit } from '../lib/keyed-concurrency-limit.ts';
import type { SecretGuard } from '../registry/secret-guard.ts';
import { stateToken, type StateToken } from '../registry/state-token.ts';
import { statusOf } from '../upstream/client.ts';
import type { LeafState } from '../registry/leaf-state.ts';
import { delayWithJitter } from '../lib/jittered-delay.ts';
import type { Provision } from '../registry/provision-document.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';
import type { PreferenceDefinition } from './schema.ts';
import { mergeLeaves, parseLeaf, readStoredLeaves, type ParsedLeaf } from './read-leaves.ts';

/** A user's document with all its open conflicts merged, and the state that it was read in. */
export interface UserPreferences<P extends object = Preferences> {
  readonly document: UserDocument<P>;
  readonly token: StateToken;
}

/** What is to be changed, given what holds now. Throws an HttpError to change nothing. */
export type ComputePatch<P extends object = Preferences> = (now: UserPreferences<P>) => PatchOf<P>;

/**
 * The one way to the preferences for programs that do not replicate. Everything rejects with 403 for a document that must
 * not be served, 409 for one that cannot be read, 502 or 503 when the database fails.
 */
export interface PreferencesService<P extends object = Preferences> {
  readonly idOf: (username: Username) => UserDocumentId;
  read(username: Username): Promise<UserPreferences<P>>;
  /** Stores an edit by the door that `device` names (couchdb-design/user-document/edit-sources.ts), and resolves with what holds then. */
  edit(username: Username, device: DeviceId, computePatch: ComputePatch<P>): Promise<UserPreferences<P>>;
  /** Writes what is of an older version as a document of today's: browsers write on no other. */
  upgrade(username: Username): Promise<void>;
}

export interface PreferencesServiceOptions<P extends object> {
  /** As the service account. */
  readonly couch: ServerScope;
  readonly registry: string;
  readonly provision: Provision;
  readonly definition: Pick<PreferenceDefinition<P>, 'idOf' | 'parseUserDocument'>;
  readonly secretGuard: Pick<SecretGuard, 'check'>;
  /** The gate's own: nothing of this process comes in between a read and the write that follows it. */
  readonly writeQueue: KeyedConcurrencyLimit;
  readonly now: () => number;
}

/** Others write the same document, from other gates and by replication; so many in a row that all were quicker are too many. */
const MAX_ATTEMPTS = 20;

type Leaves<P extends object> = readonly [ParsedLeaf<P>, ...ParsedLeaf<P>[]];

export function createPreferencesService<P extends object = Preferences>(
  options: PreferencesServiceOptions<P>,
): PreferencesService<P> {
  const { couch, registry, provision, secretGuard, writeQueue, now } = options;
  const { idOf, parseUserDocument } = options.definition;
  const database = couch.use<object>(registry);

  const readLeaves = async (username: Username): Promise<{ readonly leaves: Leaves<P>; readonly state: LeafState }> => {
    const id = idOf(username);
    for (let attempt = 1; ; attempt += 1) {
      const { live, state } = await readStoredLeaves(couch, registry, id);
      secretGuard.check(
        live.map(({ body }) => body),
        { ownId: id, username },
      );
      const [first, ...others] = live.map((leaf) => parseLeaf(leaf, parseUserDocument));
      if (first !== undefined) return { leaves: [first, ...others], state };
      if (attempt > MAX_ATTEMPTS) throw new HttpError(503, 'service_unavailable', 'The document could not be made.');
      // One who has none yet is given one. A copy of a cluster that has not stored it yet says for a moment that there is none.
      await provision(username);
      if (attempt > 1) await delayWithJitter(attempt);
    }
  };
  const toUserPreferences = (leaves: Leaves<P>, state: LeafState): UserPreferences<P> => ({
    document: mergeLeaves(leaves),
    token: stateToken(state),
  });

  /** The revision that was stored; undefined when another write was quicker. */
  const insertRevision = async (document: UserDocument<P>, rev: string): Promise<string | undefined> => {
    try {
      const stored = await database.insert({ ...document, _rev: rev });
      return stored.rev;
    } catch (error) {
      if (statusOf(error) === 409) return undefined;
      throw toUpstreamError(error);
    }
  };
  const resolveConflicts = async (leaves: Leaves<P>): Promise<void> => {
    const docs = [...resolveConflict({ leaves })];
    await database.bulk({ docs, new_edits: false }).catch((error: unknown) => {
      throw toUpstreamError(error);
    });
  };

  const edit = async (username: Username, device: DeviceId, change: ComputePatch<P>): Promise<UserPreferences<P>> => {
    for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
      const { leaves, state } = await readLeaves(username);
      const current = toUserPreferences(leaves, state);
      const patch = change(current);
      if (Object.keys(patch).length === 0) return current;
      if (leaves.length > 1) {
        await resolveConflicts(leaves);
        continue;
      }
      const [{ rev, document }] = leaves;
      const latestStamp = latestEditStamp(Object.values(document.edits));
      const next = applyEdit(document, patch, nextEditStamp({ now: now(), device, seen: latestStamp }));
      const stored = await insertRevision(next, rev);
      if (stored !== undefined) {
        const after = state.leaves.map((leaf) => (leaf === rev ? stored : leaf));
        return { document: next, token: stateToken({ leaves: after, deleted: false }) };
      }
      await delayWithJitter(attempt);
    }
    throw new HttpError(409, 'conflict', 'Others keep changing the preferences. Try again.');
  };

  return {
    idOf,
    read: async (username) => {
      const { leaves, state } = await readLeaves(username);
      return toUserPreferences(leaves, state);
    },
    edit: (username, device, change) => writeQueue.run(idOf(username), () => edit(username, device, change)),
    upgrade: (username) =>
      writeQueue.run(idOf(username), async () => {
        const { live } = await readStoredLeaves(couch, registry, idOf(username));
        for (const leaf of live) {
          // When another write was quicker, the next read of what is still old comes here again.
          if (needsMigration(leaf.body)) await insertRevision(parseLeaf(leaf, parseUserDocument).document, leaf.rev);
        }
      }),
  };
}
