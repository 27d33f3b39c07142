import { MAX_WAIT_MS } from '../../../../couchdb-design/testing/patience.ts';
import { setTimeout as delay } from 'node:timers/promises';
import type { DocumentScope, ServerScope } from 'nano';
import { z } from 'zod';
import { authorizationOf, connect, statusOf } from '../../../../server/upstream/client.ts';
import type { TestUpstream } from '../../../../server/testing/test-database.ts';

/** CouchDB's own replicator, controlled by documents in `_replicator`, and a database (the copy) for it to fill. */
export interface Replicator {
  readonly copy: ReturnType<TestUpstream['registry']>;
  /** The copy's address for the replicator. */
  readonly copyEndpoint: Endpoint;
  /** Replicates once. Resolves with the job's statistics; rejects when it has not completed after 45 s. */
  replicateOnce(job: ReplicationJob): Promise<ReplicationStats>;
  /** Starts a continuous replication. Resolves, once it runs, with a function that stops it. */
  replicateContinuously(job: ReplicationJob): Promise<() => Promise<void>>;
  /** Resolves with the reason why a job fails. */
  waitForFailure(job: ReplicationJob): Promise<string>;
  close(): Promise<void>;
}

export interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** https://docs.couchdb.org/en/stable/replication/replicator.html */
export interface ReplicationJob {
  readonly source: Endpoint;
  readonly target: Endpoint;
  readonly doc_ids?: readonly string[];
  readonly selector?: object;
  readonly use_bulk_get?: boolean;
}

const replicationStatsSchema = z.object({
  revisions_checked: z.number(),
  missing_revisions_found: z.number(),
  docs_read: z.number(),
  docs_written: z.number(),
  doc_write_failures: z.number(),
});

/** Counts of this run, and of the earlier ones whose checkpoint it continued from. */
export type ReplicationStats = z.output<typeof replicationStatsSchema>;

const jobStateSchema = z.object({ state: z.string().nullable(), info: z.unknown() });
type JobState = z.output<typeof jobStateSchema>;

/** A busy replicator takes long to start a job, and some seconds to end it. */
const POLL_INTERVAL_MS = 200;

/** Resolves with undefined when the database responds with `status`. */
async function undefinedOnStatus<T>(status: number, request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (statusOf(error) === status) return undefined;
    throw error;
  }
}

/** Creates the copy's database, and a replicator whose jobs end with `close`. */
export async function startReplicator(upstream: TestUpstream): Promise<Replicator> {
  const { access, names } = upstream;
  const couch = connect(access);
  const copyName = `copy_${names.suffix}`;
  await couch.db.create(copyName);
  const jobs = new ReplicationJobs(couch, `pouchgate-test-${names.suffix}`);
  return {
    copy: couch.use(copyName),
    copyEndpoint: { url: `${access.url}/${copyName}`, headers: { Authorization: authorizationOf(access) } },
    replicateOnce: async (job) => {
      const id = await jobs.start(job);
      const { info } = await jobs.waitForState(id, ['completed']);
      return replicationStatsSchema.parse(info);
    },
    replicateContinuously: async (job) => {
      const id = await jobs.start({ ...job, continuous: true });
      await jobs.waitForState(id, ['running']);
      return () => jobs.stop(id);
    },
    waitForFailure: async (job) => {
      const { info } = await jobs.waitForState(await jobs.start(job), ['crashing', 'failed', 'error']);
      return JSON.stringify(info);
    },
    close: async () => {
      await jobs.stopAll();
      await couch.db.destroy(copyName);
    },
  };
}

/** The jobs of one test in the `_replicator` database. */
class ReplicationJobs {
  readonly #couch: ServerScope;
  readonly #jobs: DocumentScope<object>;
  readonly #idPrefix: string;
  readonly #startedIds = new Set<string>();

  constructor(couch: ServerScope, idPrefix: string) {
    this.#couch = couch;
    this.#jobs = couch.use<object>('_replicator');
    this.#idPrefix = idPrefix;
  }

  /** Resolves with the job's id. */
  async start(job: ReplicationJob & { readonly continuous?: boolean }): Promise<string> {
    const id = `${this.#idPrefix}-${this.#startedIds.size}`;
    this.#startedIds.add(id);
    // In a cluster one node's replicator may update the job before the other nodes have it, which then report a conflict.
    await undefinedOnStatus(409, this.#jobs.insert(Object.assign({ _id: id }, job)));
    return id;
  }

  async stop(id: string): Promise<void> {
    for (let exists = true; exists;) {
      const job = await undefinedOnStatus(404, this.#jobs.get(id));
      if (job !== undefined) await undefinedOnStatus(404, undefinedOnStatus(409, this.#jobs.destroy(id, job._rev)));
      exists = job !== undefined;
    }
  }

  async stopAll(): Promise<void> {
    // Stopped jobs are deleted already.
    const { rows } = await this.#jobs.list();
    for (const { id } of rows.filter((row) => this.#startedIds.has(row.id))) await this.stop(id);
  }

  /** Resolves once the job is in one of these states. */
  async waitForState(id: string, states: readonly string[]): Promise<JobState> {
    const end = Date.now() + MAX_WAIT_MS;
    for (;;) {
      const current = await this.#fetchState(id);
      if (states.includes(current.state ?? '')) return current;
      if (Date.now() > end) throw new Error(`Expected ${states.join(' or ')}, received ${JSON.stringify(current)}`);
      await delay(POLL_INTERVAL_MS);
    }
  }

  async #fetchState(id: string): Promise<JobState> {
    try {
      return jobStateSchema.parse(await this.#couch.request({ path: `_scheduler/docs/_replicator/${id}` }));
    } catch (error) {
      // 404 until the replicator has read the document, and occasionally 500 at the moment when the job ends.
      if ([404, 500].includes(statusOf(error) ?? 0)) return { state: null, info: undefined };
      throw error;
    }
  }
}
