import type { ServerScope } from 'nano';
import { isRevision, type Revision } from '../../couchdb-design/user-document/revisions.ts';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import { getProperty, getString } from '../lib/json.ts';
import { statusOf } from '../upstream/client.ts';
import type { FairSlots } from '../upstream/fair-slots.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';

/**
 * The revisions of a user's devices that the gate has merged into the user document instead of storing them. A device keeps
 * them, and lists them in `_revs_diff` with every push. It need not send them again while the document has the revision that
 * contains them.
 */
export interface Merged {
  /** The revision that contains all of them. */
  readonly into: Revision;
  /** The last is the one that was merged, or listed by a device, last. */
  readonly revisions: readonly Revision[];
}

/** A device with more leaves than this sends the rest with every push, where they change nothing. Each takes 37 bytes. */
const MAX_REVISIONS = 1_000;
/** A listed revision that is one of the last is not moved, so that few pushes cause a write. */
const RECENT_REVISIONS = MAX_REVISIONS / 2;

/**
 * The path of the `_local` document in the registry, encoded. No client can reach it: the gate keeps a user's `_local` documents in
 * one of another name (gate/checkpoints). It is not replicated, and without it devices send some revisions again.
 */
export const mergedRevisionsPath = (username: Username): string => `_local/${encodeURIComponent(`merged:${username}`)}`;

/**
 * Returns the merged revisions after more were merged into the newest revision of a path. Earlier ones are kept if the path has the
 * revision that contains them. Returns the same object if nothing changes.
 */
export function addMerged(
  before: Merged | undefined,
  added: readonly Revision[],
  [into, ...ancestors]: readonly [Revision, ...Revision[]],
): Merged {
  const isKept = before !== undefined && (before.into === into || ancestors.includes(before.into));
  const kept = new Set(isKept ? before.revisions : []);
  if (isKept && before.into === into && added.every((revision) => kept.has(revision))) return before;
  // The ones merged again become the last.
  for (const revision of added) kept.delete(revision);
  const revisions = [...kept, ...new Set(added)];
  return { into, revisions: revisions.slice(-MAX_REVISIONS) };
}

/**
 * Returns the merged revisions after a device has listed some of them in `_revs_diff`. Those that no device lists any more, because it
 * has replaced its database, are then dropped first. Returns the same object while all of the listed ones are among the last.
 */
export function refreshMerged(before: Merged, listed: readonly Revision[]): Merged {
  const { into, revisions } = before;
  const isListed = new Set(listed);
  if (!revisions.slice(0, -RECENT_REVISIONS).some((revision) => isListed.has(revision))) return before;
  const unlisted = revisions.filter((revision) => !isListed.has(revision));
  return { into, revisions: [...unlisted, ...revisions.filter((revision) => isListed.has(revision))] };
}

/** Parses the stored document; undefined for any other value. */
export function parseMerged(document: unknown): Merged | undefined {
  const [into, revisions] = [getProperty(document, 'into'), getProperty(document, 'revisions')];
  if (!isRevision(into) || !Array.isArray(revisions)) return undefined;
  return { into, revisions: revisions.filter(isRevision) };
}

/** Reads and writes merged revisions, as the service account. */
export class MergedRevisions {
  readonly #couch: ServerScope;
  readonly #registry: string;
  readonly #slots: Pick<FairSlots, 'run'>;

  constructor(couch: ServerScope, registry: string, slots: Pick<FairSlots, 'run'>) {
    this.#couch = couch;
    this.#registry = registry;
    this.#slots = slots;
  }

  /** Resolves with undefined when nothing is known. Rejects with 502 or 503 when the upstream fails. */
  async read(username: Username): Promise<Merged | undefined> {
    return parseMerged(await this.#readDocument(username));
  }

  /**
   * Adds revisions that were merged into the newest revision of a path. Another gate may write at the same time; one of the two
   * additions is then lost, and the device sends its revisions again. Rejects with 502 or 503 when the upstream fails.
   */
  async add(username: Username, added: readonly Revision[], path: readonly [Revision, ...Revision[]]): Promise<void> {
    await this.#update(username, (before) => addMerged(before, added, path));
  }

  /** Keeps the ones that a device has listed. Rejects with 502 or 503 when the upstream fails. */
  async refresh(username: Username, listed: readonly Revision[]): Promise<void> {
    await this.#update(username, (before) => before && refreshMerged(before, listed));
  }

  async #update(username: Username, change: (before: Merged | undefined) => Merged | undefined): Promise<void> {
    const document = await this.#readDocument(username);
    const before = parseMerged(document);
    const after = change(before);
    if (after === before) return;
    const rev = getString(document, '_rev');
    const body = { ...after, ...(rev === undefined ? {} : { _rev: rev }) };
    await this.#request(username, { method: 'PUT', body }, 409);
  }

  #readDocument(username: Username): Promise<unknown> {
    return this.#request(username, { method: 'GET' }, 404);
  }

  /** Resolves with undefined for the expected status. */
  async #request(
    username: Username,
    request: { readonly method: 'GET' | 'PUT'; readonly body?: object },
    expectedStatus: number,
  ): Promise<unknown> {
    try {
      const path = mergedRevisionsPath(username);
      const send = (): Promise<unknown> => this.#couch.request({ db: this.#registry, path, ...request });
      return await this.#slots.run(username, send);
    } catch (error) {
      if (statusOf(error) === expectedStatus) return undefined;
      throw toUpstreamError(error);
    }
  }
}
