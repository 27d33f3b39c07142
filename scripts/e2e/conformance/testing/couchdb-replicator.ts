import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { authorizationOf, connect, statusOf } from '../../../../server/upstream/client.ts';
import type { TestUpstream } from '../../../../server/testing/test-database.ts';

/** CouchDB's own replicator, set to work by documents in `_replicator`, and a database beside the registry for it to fill. */
export interface Replicator {
  readonly copy: ReturnType<TestUpstream['registry']>;
  /** The copy as the replicator reaches it. */
  readonly here: Endpoint;
  /** Replicates once. Resolves with what it has done, and rejects when it has not ended by itself after half a minute. */
  run(job: Job): Promise<Work>;
  /** Replicates until what this returns is called. Resolves once it runs. */
  keep(job: Job): Promise<() => Promise<void>>;
  /** Resolves with why a job does not get on. */
  failure(job: Job): Promise<string>;
  close(): Promise<void>;
}

export interface Endpoint {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** https://docs.couchdb.org/en/stable/replication/replicator.html */
export interface Job {
  readonly source: Endpoint;
  readonly target: Endpoint;
  readonly doc_ids?: readonly string[];
  readonly selector?: object;
  readonly use_bulk_get?: boolean;
}

const workSchema = z.object({
  revisions_checked: z.number(),
  missing_revisions_found: z.number(),
  docs_read: z.number(),
  docs_written: z.number(),
  doc_write_failures: z.number(),
});

/** How many of each there were, in this run and those before it whose checkpoint it went on from. */
export type Work = z.output<typeof workSchema>;

const stateSchema = z.object({ state: z.string().nullable(), info: z.unknown() });
type State = z.output<typeof stateSchema>;

/** In ms: the replicator takes some seconds to end, and so long to look at a job at all when it is busy. */
const PATIENCE = 45_000;
const BETWEEN_LOOKS = 200;

/** Undefined when the database answers with that status. */
async function unless<T>(status: number, asked: Promise<T>): Promise<T | undefined> {
  try {
    return await asked;
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
  const started = new Set<string>();

  const start = async (job: Job & { readonly continuous?: boolean }): Promise<string> => {
    const id = `pouchgate-test-${names.suffix}-${started.size}`;
    started.add(id);
    // In a cluster one node's replicator may write to the job before the others have it: then they call it a conflict.
    await unless(409, jobs.insert(Object.assign({ _id: id }, job)));
    return id;
  };
  const stop = async (id: string): Promise<void> => {
    for (let isThere = true; isThere;) {
      const job = await unless(404, jobs.get(id));
      if (job !== undefined) await unless(404, unless(409, jobs.destroy(id, job._rev)));
      isThere = job !== undefined;
    }
  };
  /** Resolves with the job's state once that is one of these. */
  const reaches = async (id: string, states: readonly string[]): Promise<State> => {
    const end = Date.now() + PATIENCE;
    for (;;) {
      const told = await stateOf(id);
      if (states.includes(told.state ?? '')) return told;
      if (Date.now() > end) throw new Error(`Not ${states.join(' or ')}, but ${JSON.stringify(told)}`);
      await delay(BETWEEN_LOOKS);
    }
  };
  const stateOf = async (id: string): Promise<State> => {
    try {
      return stateSchema.parse(await couch.request({ path: `_scheduler/docs/_replicator/${id}` }));
    } catch (error) {
      // 404 until the replicator has seen the document, and now and then 500 in the moment in which it ends.
      if ([404, 500].includes(statusOf(error) ?? 0)) return { state: null, info: undefined };
      throw error;
    }
  };

  return {
    copy: couch.use(copyName),
    here: { url: `${access.url}/${copyName}`, headers: { Authorization: authorizationOf(access) } },
    run: async (job) => {
      const id = await start(job);
      const { info } = await reaches(id, ['completed']);
      return workSchema.parse(info);
    },
    keep: async (job) => {
      const id = await start({ ...job, continuous: true });
      await reaches(id, ['running']);
      return () => stop(id);
    },
    failure: async (job) => {
      const { info } = await reaches(await start(job), ['crashing', 'failed', 'error']);
      return JSON.stringify(info);
    },
    close: async () => {
      // One that was stopped has been taken away already.
      const { rows } = await jobs.list();
      for (const { id } of rows.filter((row) => started.has(row.id))) await stop(id);
      await couch.db.destroy(copyName);
    },
  };
}
