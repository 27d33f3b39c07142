import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { connect, statusOf } from '../../../../server/upstream/client.ts';
import type { TestUpstream } from '../../../../server/testing/test-database.ts';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';

/** The users of the fault fixture. */
export const USERNAMES = Array.from({ length: 8 }, (_, n) => `fault${n}`);
/** Each such write creates a branch, which changes the leaves, but not the winner or the highest generation. */
const WRITES_PER_BRANCH = 5;
/** Interval between writes, in ms: the pace of the load, not a wait for an event. */
const WRITE_INTERVAL_MS = 20;
/** More writes than this are made during a fault. */
const MIN_WRITES = 10;

/** Returns the id of a user's document. */
export const idOf = (username: string): string => `user_${username}`;

/** Reads and writes the users' documents directly in the database, without the gate. */
export class RegistryAccess {
  readonly #currentUpstream: () => TestUpstream;
  #couch: { readonly upstream: TestUpstream; readonly scope: ReturnType<typeof connect> } | undefined;
  #writeCount = 0;
  #writing: { readonly stop: AbortController; readonly done: Promise<void> } | undefined;

  constructor(currentUpstream: () => TestUpstream) {
    this.#currentUpstream = currentUpstream;
  }

  /** Reads from as many replicas of a cluster as acknowledge a write. `_changes` would read from one. */
  async leavesOf(id: string): Promise<[string, string[]]> {
    const request = { db: this.#currentUpstream().names.registry, doc: id, qs: { open_revs: 'all' } };
    const leaves = (await this.#connect()
      .request(request)
      .catch((error: unknown) => {
        if (statusOf(error) === 404) return [];
        throw error;
      })) as { ok: { _rev: string } }[];
    return [id, leaves.map(({ ok }) => ok._rev).sort()];
  }

  async writeEdits(count: number): Promise<void> {
    for (let n = 0; n < count; n += 1) await this.#writeEdit();
  }

  /** Writes until the returned function is called, which resolves with the number of edits. */
  startWriting(): () => Promise<number> {
    const initialCount = this.#writeCount;
    const stop = new AbortController();
    this.#writing = { stop, done: this.#writeUntil(stop.signal) };
    return async () => {
      // On a slow machine as well, enough writes must be made during the fault for the test to prove anything.
      await eventually(() => this.#writeCount - initialCount > MIN_WRITES);
      await this.stopWriting();
      return this.#writeCount - initialCount;
    };
  }

  async stopWriting(): Promise<void> {
    this.#writing?.stop.abort();
    await this.#writing?.done;
    this.#writing = undefined;
  }

  /** One connection pool per upstream. */
  #connect(): ReturnType<typeof connect> {
    const upstream = this.#currentUpstream();
    if (this.#couch?.upstream !== upstream) this.#couch = { upstream, scope: connect(upstream.access) };
    return this.#couch.scope;
  }

  async #writeUntil(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.#writeEdit();
      await delay(WRITE_INTERVAL_MS);
    }
  }

  async #writeEdit(): Promise<void> {
    const registry = this.#connect().use(this.#currentUpstream().names.registry);
    // The users take turns, so that the number of missed changes per client is not random.
    const { _rev: rev, ...document } = await registry.get(idOf(USERNAMES[this.#writeCount % USERNAMES.length] ?? ''));
    const edited = { ...document, preferences: { theme: randomBytes(4).toString('hex') } };
    this.#writeCount += 1;
    if (this.#writeCount % WRITES_PER_BRANCH > 0) await registry.insert({ ...edited, _rev: rev });
    else
      await registry.bulk({
        docs: [{ ...edited, _rev: `1-${randomBytes(16).toString('hex')}` }],
        new_edits: false,
      });
  }
}
