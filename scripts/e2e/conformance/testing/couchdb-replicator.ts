import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { authorizationOf, connect, statusOf } from '../../../../server/upstream/client.ts';
import type { TestUpstream } from '../../../../server/testing/test-database.ts';

/** CouchDB's own replicator, set to work by documents in `_replicator`, and a database beside the registry for it to fill. */
export interface Replicator {
  readonly copy: ReturnType<TestUpstream['registry']>;
  /** The copy as the replicator reaches it. */
  readonly copyEndpoint: Endpoint;
  /** Replicates once. Resolves with what it has done, and rejects when it has not ended by itself after half a minute. */
  replicateOnce(job: ReplicationJob): Promise<ReplicationStats>;
  /** Replicates until what this returns is called. Resolves once it runs. */
  replicateContinuously(job: ReplicationJob): Promise<() => Promise<void>>;
  /** Resolves with why a job does not get on. */
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

/** How many of each there were, in this run and those before it whose checkpoint it went on from. */
export type ReplicationStats = z.output<typeof replicationStatsSchema>;

const jobStateSchema = z.object({ state: z.string().nullable(), info: z.unknown() });
type JobState = z.output<typeof jobStateSchema>;

/** In ms: the replicator takes some seconds to end, and so long to look at a job at all when it is busy. */
const JOB_TIMEOUT_MS = 45_000;
const POLL_INTERVAL_MS = 200;

/** Undefined when the database answers with that status. */
async function undefinedOnStatus<T>(status: number, request: Promise<T>): Promise<T | undefined> {
  try {
    return await request;
  } catch (error) {
    if (statusOf(error) === status) return undefined;
    throw error;
  }
}

export async function startReplicator(upstream: TestUpstream): Promise<Replicator> {
  const { access, names } = upstream;
  const couch = connect(access);
  const jobs = couch.use<object>('_replicator');
  const copyName = `copy_${names.suffix}`;
  await couch.db.create(copyName);
  const startedJobIds = new Set<string>();

  const start = async (job: ReplicationJob & { readonly continuous?: boolean }): Promise<string> => {
    const id = `pouchgate-test-${names.suffix}-${startedJobIds.size}`;
    startedJobIds.add(id);
    // In a cluster one node's replicator may write to the job before the others have it: then they call it a conflict.
    await undefinedOnStatus(409, jobs.insert(Object.assign({ _id: id }, job)));
    return id;
  };
  const stop = async (id: string): Promise<void> => {
    for (let exists = true; exists;) {
      const job = await undefinedOnStatus(404, jobs.get(id));
      if (job !== undefined) await undefinedOnStatus(404, undefinedOnStatus(409, jobs.destroy(id, job._rev)));
      exists = job !== undefined;
    }
  };
  /** Resolves with the job's state once that is one of these. */
  const waitForJobState = async (id: string, states: readonly string[]): Promise<JobState> => {
    const end = Date.now() + JOB_TIMEOUT_MS;
    for (;;) {
      const current = await fetchJobState(id);
      if (states.includes(current.state ?? '')) return current;
      if (Date.now() > end) throw new Error(`Not ${states.join(' or ')}, but ${JSON.stringify(current)}`);
      await delay(POLL_INTERVAL_MS);
    }
  };
  const fetchJobState = async (id: string): Promise<JobState> => {
    try {
      return jobStateSchema.parse(await couch.request({ path: `_scheduler/docs/_replicator/${id}` }));
    } catch (error) {
      // 404 until the replicator has seen the document, and now and then 500 in the moment in which it ends.
      if ([404, 500].includes(statusOf(error) ?? 0)) return { state: null, info: undefined };
      throw error;
    }
  };

  return {
    copy: couch.use(copyName),
    copyEndpoint: { url: `${access.url}/${copyName}`, headers: { Authorization: authorizationOf(access) } },
    replicateOnce: async (job) => {
      const id = await start(job);
      const { info } = await waitForJobState(id, ['completed']);
      return replicationStatsSchema.parse(info);
    },
    replicateContinuously: async (job) => {
      const id = await start({ ...job, continuous: true });
      await waitForJobState(id, ['running']);
      return () => stop(id);
    },
    waitForFailure: async (job) => {
      const { info } = await waitForJobState(await start(job), ['crashing', 'failed', 'error']);
      return JSON.stringify(info);
    },
    close: async () => {
      // One that was stopped has been taken away already.
      const { rows } = await jobs.list();
      for (const { id } of rows.filter((row) => startedJobIds.has(row.id))) await stop(id);
      await couch.db.destroy(copyName);
    },
  };
}
