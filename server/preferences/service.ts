import type { DocumentInsertResponse, DocumentScope, ServerScope } from 'nano';
import {
  latestEditStamp,
  nextEditStamp,
  type DeviceId,
  type EditStamp,
} from '../../couchdb-design/user-document/edit-stamp.ts';
import { applyEdit } from '../../couchdb-design/user-document/merge.ts';
import { resolveConflict } from '../../couchdb-design/user-document/revisions.ts';
import {
  findPatchViolations,
  findWriteViolation,
  needsRepair,
  type Preferences,
  type UserDocument,
  type UserDocumentId,
  type Username,
  type Values,
} from '../../couchdb-design/user-document/user-document.ts';
import { HttpError } from '../http/errors.ts';
import { InvalidPreferencesError } from '../http/problem-details.ts';
import type { KeyedConcurrencyLimit } from '../lib/keyed-concurrency-limit.ts';
import { stateToken, type StateToken } from '../registry/state-token.ts';
import { statusOf } from '../upstream/client.ts';
import type { FairSlots } from '../upstream/fair-slots.ts';
import type { LeafState } from '../registry/leaf-state.ts';
import { RETRY_AT_ONCE, retryOnConflict } from '../lib/retry-on-conflict.ts';
import type { Provision } from '../registry/provision-document.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';
import type { PreferenceDefinition } from './schema.ts';
import { mergeLeaves, parseLeaf, readStoredLeaves, type ParsedLeaf, type StoredLeaves } from './read-leaves.ts';

/** A user's document with all its open conflicts merged, and the state that it was read in. */
export interface UserPreferences<P extends object = Preferences> {
  /** As every interface shows it. */
  readonly document: UserDocument<P>;
  /** As it is stored, with unknown keys and invalid values. */
  readonly stored: UserDocument<Values>;
  readonly token: StateToken;
}

/**
 * Returns the patch to apply to the current preferences, unvalidated; an empty patch writes nothing. Throws an HttpError to reject the
 * edit.
 */
export type ComputePatch<P extends object = Preferences> = (current: UserPreferences<P>) => Values;

export interface PreferencesServiceOptions<P extends object> {
  /** The upstream, with the credentials of the service account. */
  readonly couch: ServerScope;
  readonly registry: string;
  readonly provision: Provision;
  readonly definition: Pick<
    PreferenceDefinition<P>,
    'idOf' | 'names' | 'readUserDocument' | 'schema' | 'show' | 'withDerived'
  >;
  /** The gate's own queue, so no other write of this process comes between a read and its write. */
  readonly writeQueue: KeyedConcurrencyLimit;
  /** The service account's connections, which all users share in fair order. */
  readonly slots: Pick<FairSlots, 'run'>;
  /** The time in ms. */
  readonly now: () => number;
}

/** Other gates and replication write the same document, so an edit may meet several conflicts in a row. */
const MAX_ATTEMPTS = 20;

type Leaves = readonly [ParsedLeaf, ...ParsedLeaf[]];

interface CurrentLeaves {
  readonly leaves: Leaves;
  readonly state: LeafState;
}

/**
 * Reads and edits preferences for every interface except replication. Every method rejects with 409 for a document of a newer
 * version, and with 502 or 503 when the database fails.
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
    const { leaves, state } = await this.#readLeaves(username);
    return this.#toUserPreferences(mergeLeaves(leaves), state);
  }

  /**
   * Stores an edit and returns the resulting preferences. `computePatch` is called again after each conflict. Rejects with an
   * InvalidPreferencesError for a value, a name or a size that no interface accepts.
   *
   * @param device the device id of the interface; see couchdb-design/user-document/edit-sources.ts.
   */
  edit(username: Username, device: DeviceId, computePatch: ComputePatch<P>): Promise<UserPreferences<P>> {
    return this.#options.writeQueue.run(this.idOf(username), () => this.#edit(username, device, computePatch));
  }

  /** Rewrites a user's document in the form of the current version, because browsers only write to documents in that form. */
  repair(username: Username): Promise<void> {
    const { definition, writeQueue } = this.#options;
    return writeQueue.run(this.idOf(username), async () => {
      const { live } = await this.#readStored(username);
      for (const leaf of live) {
        // On a conflict the leaf stays as it is. The next read of it starts another repair.
        if (needsRepair(leaf.body, definition.readUserDocument))
          await this.#insertRevision(username, parseLeaf(leaf, definition.readUserDocument).document, leaf.rev);
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
    const current = this.#toUserPreferences(mergeLeaves(leaves), state);
    const patch = this.#parsePatch(current.stored, computePatch(current));
    if (Object.keys(patch).length === 0) return current;
    if (leaves.length > 1) {
      await this.#resolveConflicts(username, leaves);
      return RETRY_AT_ONCE;
    }
    const [{ rev, document }] = leaves;
    const latestStamp = latestEditStamp(Object.values(document.edits));
    const next = this.#applyPatch(
      document,
      patch,
      nextEditStamp({ now: this.#options.now(), device, seen: latestStamp }),
    );
    const newRev = await this.#insertRevision(username, next, rev);
    if (newRev === undefined) return undefined;
    const leavesAfter = state.leaves.map((leaf) => (leaf === rev ? newRev : leaf));
    return this.#toUserPreferences(next, { leaves: leavesAfter, deleted: false });
  }

  /** Returns the patch without removals of unknown preferences that are not stored. Throws for an invalid one. */
  #parsePatch(stored: UserDocument<Values>, patch: Values): Values {
    const { names, schema } = this.#options.definition;
    const violations = findPatchViolations(stored, patch, schema);
    if (violations.length > 0) throw new InvalidPreferencesError(violations);
    const isKnown = (key: string): boolean => names.includes(key) || Object.hasOwn(stored.preferences, key);
    return Object.fromEntries(Object.entries(patch).filter(([key, value]) => (value ?? null) !== null || isKnown(key)));
  }

  /** Returns the document after an edit, with derived values if there is space for them. Throws when it would be too large. */
  #applyPatch(before: UserDocument<Values>, patch: Values, stamp: EditStamp): UserDocument<Values> {
    const { schema, withDerived } = this.#options.definition;
    const full = applyEdit(withDerived(before), patch, stamp);
    if (findWriteViolation({ before, after: full, schema }) === undefined) return full;
    const after = applyEdit(before, patch, stamp);
    const violation = findWriteViolation({ before, after, schema });
    if (violation !== undefined) throw new InvalidPreferencesError([violation]);
    return after;
  }

  #toUserPreferences(stored: UserDocument<Values>, state: LeafState): UserPreferences<P> {
    return { document: this.#options.definition.show(stored), stored, token: stateToken(state) };
  }

  /** Reads and parses the live leaves. Provisions the document when there are none. */
  async #readLeaves(username: Username): Promise<CurrentLeaves> {
    const existing = await this.#tryReadLeaves(username);
    if (existing !== undefined) return existing;
    const provisionAndRead = async (): Promise<CurrentLeaves | undefined> => {
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
  async #tryReadLeaves(username: Username): Promise<CurrentLeaves | undefined> {
    const stored = await this.#readStored(username);
    const leaves = this.#parseLeaves(stored);
    return leaves === undefined ? undefined : { leaves, state: stored.state };
  }

  #readStored(username: Username): Promise<StoredLeaves> {
    const { couch, registry, slots } = this.#options;
    return slots.run(username, () => readStoredLeaves(couch, registry, this.idOf(username)));
  }

  #parseLeaves({ live }: StoredLeaves): Leaves | undefined {
    const { readUserDocument } = this.#options.definition;
    const [first, ...others] = live.map((leaf) => parseLeaf(leaf, readUserDocument));
    return first === undefined ? undefined : [first, ...others];
  }

  /** Returns the stored revision, or undefined on a conflict. */
  async #insertRevision(username: Username, document: UserDocument<Values>, rev: string): Promise<string | undefined> {
    const insert = (): Promise<DocumentInsertResponse> => this.#documents.insert({ ...document, _rev: rev });
    try {
      return (await this.#options.slots.run(username, insert)).rev;
    } catch (error) {
      if (statusOf(error) === 409) return undefined;
      throw toUpstreamError(error);
    }
  }

  async #resolveConflicts(username: Username, leaves: Leaves): Promise<void> {
    const docs = [...resolveConflict({ leaves })];
    const store = (): Promise<unknown> => this.#documents.bulk({ docs, new_edits: false });
    await this.#options.slots.run(username, store).catch((error: unknown) => {
      throw toUpstreamError(error);
    });
  }
}

/** Creates a preferences service. */
export const createPreferencesService = <P extends object = Preferences>(
  options: PreferencesServiceOptions<P>,
): PreferencesService<P> => new PreferencesService(options);
