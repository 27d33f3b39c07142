import { randomBytes } from 'node:crypto';
import type { DocumentScope, ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf } from '../../upstream/client.ts';
import type { FeedRow } from '../../upstream/feed/row.ts';
import type { AttemptCounters } from './attempt-counters.ts';

/**
 * The document in which a gate publishes its counters of failed attempts. Its size is bounded, and it contains digests only.
 * `updated_at` is for its removal: no time of another machine is compared with one of this machine's.
 */
const documentSchema = z.object({
  _id: z.templateLiteral(['attempts:', z.string()]),
  _rev: z.string(),
  updated_at: z.iso.datetime(),
  failures: z.record(z.string(), z.object({ count: z.number().min(0).max(1e6), waitMs: z.number().min(0) })),
});
const listSchema = z.object({ rows: z.array(z.object({ doc: z.unknown() })) });

const ID_PREFIX = 'attempts:';

/** At most one write in this time, in ms, while there are failures. */
const PUBLISH_INTERVAL_MS = 1_000;
/** All failures are forgotten after this time, in ms. The documents of gates that no longer run are then removed. */
const MAX_AGE_MS = 3 * 60 * 60_000;

export interface AttemptsExchangeOptions {
  readonly couch: ServerScope;
  /** The name of the sessions database. */
  readonly database: string;
  readonly counters: AttemptCounters;
  /** The time in ms since 1970. */
  readonly now: () => number;
  /** Called when the counters could not be exchanged. This gate's own still apply. */
  readonly onError: (error: unknown) => void;
}

/** Exchanges the counters of failed attempts between gates, by the feed of the sessions database. */
export class AttemptsExchange {
  readonly #options: AttemptsExchangeOptions;
  readonly #documents: DocumentScope<unknown>;
  /** One for each process, so no two of them write the same document. */
  readonly #id = `${ID_PREFIX}${randomBytes(12).toString('base64url')}`;
  #revision: string | undefined;
  #timer: NodeJS.Timeout | undefined;
  #changed = false;
  #hasRead = false;
  #closed = false;

  constructor(options: AttemptsExchangeOptions) {
    this.#options = options;
    this.#documents = options.couch.use(options.database);
  }

  /** Publishes the counters soon. Call it after each failure. */
  publishSoon(): void {
    this.#changed = true;
    if (this.#closed || this.#timer !== undefined) return;
    this.#timer = setTimeout(() => {
      void this.#publish().finally(() => {
        this.#timer = undefined;
        if (this.#changed) this.publishSoon();
      });
    }, PUBLISH_INTERVAL_MS);
    this.#timer.unref();
  }

  /** Receives a row of the feed. Ignores other documents. */
  onRow({ id, doc }: Pick<FeedRow, 'id' | 'doc'>): void {
    if (!id.startsWith(ID_PREFIX)) return;
    const document = documentSchema.safeParse(doc).data;
    if (document !== undefined) this.#receive(document);
  }

  close(): void {
    this.#closed = true;
    clearTimeout(this.#timer);
  }

  /** Reads what gates have published before this one started, and removes what is too old to matter. */
  async #readAll(): Promise<void> {
    const range = { startkey: ID_PREFIX, endkey: `${ID_PREFIX}\ufff0`, include_docs: true };
    const { rows } = listSchema.parse(await this.#documents.list(range));
    const documents = rows.flatMap(({ doc }) => documentSchema.safeParse(doc).data ?? []);
    const now = this.#options.now();
    const isOld = (updatedAt: string): boolean => now - Date.parse(updatedAt) > MAX_AGE_MS;
    for (const document of documents) if (!isOld(document.updated_at)) this.#receive(document);
    const old = documents.filter(({ updated_at }) => isOld(updated_at));
    if (old.length === 0) return;
    await this.#documents.bulk({ docs: old.map(({ _id, _rev }) => ({ _id, _rev, _deleted: true })) });
  }

  #receive({ _id, failures }: z.output<typeof documentSchema>): void {
    if (_id !== this.#id) this.#options.counters.receive(_id, failures);
  }

  async #publish(): Promise<void> {
    const { counters, now, onError } = this.#options;
    this.#changed = false;
    try {
      if (!this.#hasRead) await this.#readAll();
      this.#hasRead = true;
      const failures = counters.toPublish();
      if (Object.keys(failures).length === 0) return;
      const document = { _id: this.#id, updated_at: new Date(now()).toISOString(), failures };
      const revision = this.#revision === undefined ? {} : { _rev: this.#revision };
      const { rev } = await this.#documents.insert({ ...document, ...revision });
      this.#revision = rev;
    } catch (error) {
      // The response to an earlier write was lost. The next failure publishes again.
      if (statusOf(error) === 409) await this.#readRevision();
      else if (!this.#closed) onError(error);
    }
  }

  async #readRevision(): Promise<void> {
    const stored: unknown = await this.#documents.get(this.#id).catch(() => undefined);
    this.#revision = documentSchema.safeParse(stored).data?._rev;
  }
}
