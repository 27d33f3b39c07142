import type { DocumentScope, ServerScope } from 'nano';
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
import { RETRY_AT_ONCE, retryOnConflict } from '../lib/retry-on-conflict.ts';
import type { Provision } from '../registry/provision-document.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';
import type { PreferenceDefinition } from './schema.ts';
import { mergeLeaves, parseLeaf, readStoredLeaves, type ParsedLeaf, type StoredLeaves } from './read-leaves.ts';

/** A user's document with all its open conflicts merged, and the state that it was read in. */
export interface UserPreferences<P extends object = Preferences> {
  readonly document: UserDocument<P>;
  readonly token: StateToken;
}

/** Returns the patch to apply to the current preferences; an empty patch writes nothing. Throws an HttpError to reject the edit. */
export type ComputePatch<P extends object = Preferences> = (current: UserPreferences<P>) => PatchOf<P>;

export interface PreferencesServiceOptions<P extends object> {
  /** The upstream, with the credentials of the service account. */
  readonly couch: ServerScope;
  readonly registry: string;
  readonly provision: Provision;
  readonly definition: Pick<PreferenceDefinition<P>, 'idOf' | 'parseUserDocument'>;
  readonly secretGuard: Pick<SecretGuard, 'check'>;
  /** The gate's own queue, so no other write of this process comes between a read and its write. */
  readonly writeQueue: KeyedConcurrencyLimit;
  /** The time in ms. */
  readonly now: () => number;
}

/** Other gates and replication write the same document, so an edit may meet several conflicts in a row. */
const MAX_ATTEMPTS = 20;

type Leaves<P extends object> = readonly [ParsedLeaf<P>, ...ParsedLeaf<P>[]];

interface CurrentLeaves<P extends object> {
  readonly leaves: Leaves<P>;
  readonly state: LeafState;
}

const toUserPreferences = <P extends object>({ leaves, state }: CurrentLeaves<P>): UserPreferences<P> => ({
  document: mergeLeaves(leaves),
  token: stateToken(state),
});

/**
 * Reads and edits preferences for every interface except replication. Every method rejects with 403 for a document that must not
 * be served, 409 for one that cannot be parsed, and 502 or 503 when the database fails.
 */
export class PreferencesService<P extends object = Preferences> {
  readonly idOf: (username: Username) => UserDocumentId;
  readonly #options: PreferencesServiceOptions<P>;
  readonly #documents: DocumentScope<object>;

  constructor(options: PreferencesServiceOptions<P>) {
    this.idOf = options.definition.idOf;
    this.#options = options;
    this.#documents = options.couch.use<object>(options.registry);
  }

  /** Returns a user's preferences. Creates their document when they have none. */
  async read(username: Username): Promise<UserPreferences<P>> {
    return toUserPreferences(await this.#readLeaves(username));
  }

  /**
   * Stores an edit and returns the resulting preferences. `computePatch` is called again after each conflict.
   *
   * @param device the device id of the interface; see couchdb-design/user-document/edit-sources.ts.
   */
  edit(username: Username, device: DeviceId, computePatch: ComputePatch<P>): Promise<UserPreferences<P>> {
    return this.#options.writeQueue.run(this.idOf(username), () => this.#edit(username, device, computePatch));
  }

  /** Migrates a user's document to the current version, because browsers only write to that version. */
  upgrade(username: Username): Promise<void> {
    const { couch, registry, definition, writeQueue } = this.#options;
    const id = this.idOf(username);
    return writeQueue.run(id, async () => {
      const { live } = await readStoredLeaves(couch, registry, id);
      for (const leaf of live) {
        // On a conflict the leaf stays as it is. The next read of an old leaf starts another upgrade.
        if (needsMigration(leaf.body))
          await this.#insertRevision(parseLeaf(leaf, definition.parseUserDocument).document, leaf.rev);
      }
    });
  }

  #edit(username: Username, device: DeviceId, computePatch: ComputePatch<P>): Promise<UserPreferences<P>> {
    return retryOnConflict(() => this.#tryEdit(username, device, computePatch), {
      maxAttempts: MAX_ATTEMPTS,
      onExhausted: () => new HttpError(409, 'conflict', 'Too many concurrent changes to the preferences. Try again.'),
    });
  }

  /** Resolves with undefined if the write conflicted, and with RETRY_AT_ONCE if open conflicts were just merged. */
  async #tryEdit(
    username: Username,
    device: DeviceId,
    computePatch: ComputePatch<P>,
  ): Promise<UserPreferences<P> | typeof RETRY_AT_ONCE | undefined> {
    const { leaves, state } = await this.#readLeaves(username);
    const current = toUserPreferences({ leaves, state });
    const patch = computePatch(current);
    if (Object.keys(patch).length === 0) return current;
    if (leaves.length > 1) {
      await this.#resolveConflicts(leaves);
      return RETRY_AT_ONCE;
    }
    const [{ rev, document }] = leaves;
    const latestStamp = latestEditStamp(Object.values(document.edits));
    const next = applyEdit(document, patch, nextEditStamp({ now: this.#options.now(), device, seen: latestStamp }));
    const stored = await this.#insertRevision(next, rev);
    if (stored === undefined) return undefined;
    const leavesAfter = state.leaves.map((leaf) => (leaf === rev ? stored : leaf));
    return { document: next, token: stateToken({ leaves: leavesAfter, deleted: false }) };
  }

  /** Reads and parses the live leaves. Provisions the document when there are none. */
  async #readLeaves(username: Username): Promise<CurrentLeaves<P>> {
    const existing = await this.#tryReadLeaves(username);
    if (existing !== undefined) return existing;
    const provisionAndRead = async (): Promise<CurrentLeaves<P> | undefined> => {
      await this.#options.provision(username);
      // In a cluster, a replica that has not stored the new document yet still reports it as missing.
      return this.#tryReadLeaves(username);
    };
    return retryOnConflict(provisionAndRead, {
      maxAttempts: MAX_ATTEMPTS,
      onExhausted: () => new HttpError(503, 'service_unavailable', 'The document could not be created.'),
    });
  }

  /** Resolves with undefined if there are no live leaves. */
  async #tryReadLeaves(username: Username): Promise<CurrentLeaves<P> | undefined> {
    const { couch, registry } = this.#options;
    const stored = await readStoredLeaves(couch, registry, this.idOf(username));
    const leaves = this.#parseLeaves(stored, username);
    return leaves === undefined ? undefined : { leaves, state: stored.state };
  }

  #parseLeaves({ live }: StoredLeaves, username: Username): Leaves<P> | undefined {
    const { secretGuard, definition } = this.#options;
    const bodies = live.map(({ body }) => body);
    secretGuard.check(bodies, { ownId: this.idOf(username), username });
    const [first, ...others] = live.map((leaf) => parseLeaf(leaf, definition.parseUserDocument));
    return first === undefined ? undefined : [first, ...others];
  }

  /** Returns the stored revision, or undefined on a conflict. */
  async #insertRevision(document: UserDocument<P>, rev: string): Promise<string | undefined> {
    try {
      const stored = await this.#documents.insert({ ...document, _rev: rev });
      return stored.rev;
    } catch (error) {
      if (statusOf(error) === 409) return undefined;
      throw toUpstreamError(error);
    }
  }

  async #resolveConflicts(leaves: Leaves<P>): Promise<void> {
    const docs = [...resolveConflict({ leaves })];
    await this.#documents.bulk({ docs, new_edits: false }).catch((error: unknown) => {
      throw toUpstreamError(error);
    });
  }
}

/** Creates a preferences service. */
export const createPreferencesService = <P extends object = Preferences>(
  options: PreferencesServiceOptions<P>,
): PreferencesService<P> => new PreferencesService(options);
