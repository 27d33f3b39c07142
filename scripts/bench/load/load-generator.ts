import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import jwt from 'jsonwebtoken';
import type { UpstreamAccess } from '../../../server/upstream/client.ts';
import { createAdmin, type Admin } from '../servers/admin-client.ts';
import { serveParent } from './ipc-calls.ts';
import { Crowd } from './client-pool.ts';
import { Ledger, type Deliveries } from './delivery-log.ts';
import { noCounts, type Counts, type Door } from './live-client.ts';
import { compareRequests, type Comparison, type CompareOptions } from './compare-requests.ts';
import { insertUsers, type RegistryUser } from './registry-users.ts';
import { writeSteadily, type Written } from './writer.ts';

/** The load generator, in a process of its own: the users' live clients, and the writes that they are to hear of. */

interface Stage {
  readonly admin: Admin;
  readonly database: string;
  readonly secret: string;
}

let stage: Stage | undefined;
let crowd: Crowd | undefined;
const users: RegistryUser[] = [];
const ledger = new Ledger();
const now = (): number => performance.now();
const { random } = Math;

/** In ms; it counts in what is measured. */
const LAG_RESOLUTION = 10;
/** How far behind this process itself is: what it measures cannot be believed below that. */
const lag = monitorEventLoopDelay({ resolution: LAG_RESOLUTION });
lag.enable();

const TOKEN_SECONDS = 6 * 3_600;
const STEP = 20;

function staged(): Stage {
  if (stage === undefined) throw new Error('Nothing is set up.');
  return stage;
}

const tokenOf = (username: string): string =>
  jwt.sign({ sub: username, exp: Math.floor(Date.now() / 1_000) + TOKEN_SECONDS }, staged().secret, {
    noTimestamp: true,
  });

const work = {
  setUp({ access, database, secret }: { access: UpstreamAccess; database: string; secret: string }): Promise<void> {
    stage = { admin: createAdmin(access), database, secret };
    return Promise.resolve();
  },

  /** Makes sure that the first `count` users have documents. */
  async prepare({ count }: { count: number }): Promise<void> {
    const { admin, database } = staged();
    if (users.length < count) users.push(...(await insertUsers(admin, database, users.length, count)));
  },

  /** Connects the first `count` users' clients; resolves when all are parked, or with how many after `most` ms. */
  async begin(options: { door: Door; count: number; perSecond: number; most: number }): Promise<Counts> {
    crowd?.end();
    const { door, count, perSecond, most } = options;
    crowd = new Crowd({
      door,
      users: users.slice(0, count).map(({ username, ownId }) => ({ ownId, token: tokenOf(username) })),
      perSecond,
      onTold: (user, leaves) => ledger.told(user, leaves, now()),
      now,
      random,
    });
    const begun = now();
    await crowd.start();
    await crowd.allParked(most - (now() - begun));
    return crowd.counts;
  },

  /** Writes to the connected users' documents. */
  async write({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<Written & { lagP99: number }> {
    lag.reset();
    const { admin, database } = staged();
    const written = await writeSteadily({
      admin,
      database,
      users: users.slice(0, crowd?.size ?? 0),
      ledger,
      perSecond,
      seconds,
      now,
      random,
    });
    return { ...written, lagP99: Math.max(lag.percentile(99) / 1e6 - LAG_RESOLUTION, 0) };
  },

  /** Waits until every write was told, for `most` ms, and says what became of them. */
  async settle({ most }: { most: number }): Promise<Deliveries> {
    const end = now() + most;
    while (ledger.open > 0 && now() < end) await delay(STEP);
    return ledger.close();
  },

  /** Resolves with whether all are parked, and what befell them so far. */
  async parked({ most }: { most: number }): Promise<{ all: boolean; counts: Counts }> {
    const all = (await crowd?.allParked(most)) ?? false;
    return { all, counts: crowd?.counts ?? noCounts() };
  },

  /** For `seconds`, lets clients leave and come back at random, `perSecond` of them. */
  async churn({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<Counts> {
    const begun = now();
    for (let done = 0; now() - begun < seconds * 1_000;) {
      for (const due = ((now() - begun) / 1_000) * perSecond; done < due; done += 1) crowd?.churn();
      await delay(STEP);
    }
    return crowd?.counts ?? noCounts();
  },

  end(): Promise<Counts> {
    const counts = crowd?.counts ?? noCounts();
    crowd?.end();
    crowd = undefined;
    return Promise.resolve({ ...counts });
  },

  /** `_bulk_get` of one own document by two ways, in turns. */
  compare(options: Omit<CompareOptions, 'token' | 'ownId' | 'now'>): Promise<Comparison> {
    const [user] = users;
    if (user === undefined) throw new Error('There is no user.');
    return compareRequests({ ...options, token: tokenOf(user.username), ownId: user.ownId, now });
  },
};

export type LoadWork = typeof work;
serveParent(work);
