import { monitorEventLoopDelay, performance } from 'node:perf_hooks';
import { setTimeout as delay } from 'node:timers/promises';
import jwt from 'jsonwebtoken';
import type { UpstreamAccess } from '../../../server/upstream/client.ts';
import { createAdminClient, type AdminClient } from '../servers/admin-client.ts';
import { serveParent } from './ipc-calls.ts';
import { ClientPool } from './client-pool.ts';
import { DeliveryLog, type DeliveryResult } from './delivery-log.ts';
import { createCounts, type ClientCounts, type Endpoint, type Patience } from './live-client.ts';
import { compareRequests, type Comparison, type CompareOptions } from './compare-requests.ts';
import { sendRefusedRequests } from './refused-requests.ts';
import { insertUsers, type RegistryUser } from './registry-users.ts';
import { writeAtRate, type WriteCounts } from './writer.ts';

/**
 * The load generator, which runs in its own process. It holds the users' live clients and writes to their documents.
 */

interface GeneratorContext {
  readonly admin: AdminClient;
  readonly database: string;
  readonly secret: string;
}

let context: GeneratorContext | undefined;
let clientPool: ClientPool | undefined;
const users: RegistryUser[] = [];
const deliveryLog = new DeliveryLog();
const now = (): number => performance.now();
const { random } = Math;

/** `monitorEventLoopDelay` includes its resolution in each measured delay, so it is subtracted. */
const LAG_RESOLUTION_MS = 10;
/** Event loop delay of this process. Delivery times below it are not reliable. */
const eventLoopDelay = monitorEventLoopDelay({ resolution: LAG_RESOLUTION_MS });
eventLoopDelay.enable();

const TOKEN_LIFETIME_SECONDS = 6 * 3_600;
const POLL_INTERVAL_MS = 20;

function requireContext(): GeneratorContext {
  if (context === undefined) throw new Error('Call setUp first.');
  return context;
}

const createToken = (username: string): string =>
  jwt.sign({ sub: username, exp: Math.floor(Date.now() / 1_000) + TOKEN_LIFETIME_SECONDS }, requireContext().secret, {
    noTimestamp: true,
  });

const methods = {
  setUp({ access, database, secret }: { access: UpstreamAccess; database: string; secret: string }): Promise<void> {
    context = { admin: createAdminClient(access), database, secret };
    return Promise.resolve();
  },

  /** Creates the documents of the first `count` users that do not exist yet. */
  async prepare({ count }: { count: number }): Promise<void> {
    const { admin, database } = requireContext();
    if (users.length < count) users.push(...(await insertUsers(admin, database, users.length, count)));
  },

  /** Connects the first `count` users' clients. Resolves once all are parked, or after `timeoutMs` milliseconds. */
  async begin(options: {
    endpoint: Endpoint;
    count: number;
    perSecond: number;
    timeoutMs: number;
    /** Default: patient. */
    patience?: Patience;
    /** Attempts of all clients to connect again, per second. Default: unlimited. */
    reconnectsPerSecond?: number | undefined;
  }): Promise<ClientCounts> {
    clientPool?.stop();
    const { endpoint, count, perSecond, timeoutMs, patience = 'patient', reconnectsPerSecond } = options;
    clientPool = new ClientPool({
      endpoint,
      users: users.slice(0, count).map(({ username, ownId }) => ({ ownId, token: createToken(username) })),
      perSecond,
      patience,
      reconnectsPerSecond,
      onChange: (user, leaves) => deliveryLog.recordDelivered(user, leaves, now()),
      now,
      random,
    });
    const startedAt = now();
    await clientPool.start();
    await clientPool.allParked(timeoutMs - (now() - startedAt));
    return clientPool.counts;
  },

  /** Writes to the connected users' documents. `lagP99` is this process's own event loop delay in ms. */
  async write({
    perSecond,
    seconds,
  }: {
    perSecond: number;
    seconds: number;
  }): Promise<WriteCounts & { lagP99: number }> {
    eventLoopDelay.reset();
    const { admin, database } = requireContext();
    const written = await writeAtRate({
      admin,
      database,
      users: users.slice(0, clientPool?.size ?? 0),
      deliveryLog,
      perSecond,
      seconds,
      now,
      random,
    });
    return { ...written, lagP99: Math.max(eventLoopDelay.percentile(99) / 1e6 - LAG_RESOLUTION_MS, 0) };
  },

  /** Resolves with the deliveries once every write was delivered, or after `timeoutMs` milliseconds. */
  async settle({ timeoutMs }: { timeoutMs: number }): Promise<DeliveryResult> {
    const deadline = now() + timeoutMs;
    while (deliveryLog.pendingCount > 0 && now() < deadline) await delay(POLL_INTERVAL_MS);
    return deliveryLog.takeResult();
  },

  /** Resolves once all clients are parked, or after `timeoutMs` milliseconds, with the counters so far. */
  async parked({ timeoutMs }: { timeoutMs: number }): Promise<{ all: boolean; counts: ClientCounts }> {
    const all = (await clientPool?.allParked(timeoutMs)) ?? false;
    return { all, counts: clientPool?.counts ?? createCounts() };
  },

  /** Resolves with the counters so far. */
  counts(): Promise<ClientCounts> {
    return Promise.resolve({ ...(clientPool?.counts ?? createCounts()) });
  },

  /** Disconnects and reconnects random clients for `seconds` seconds, `perSecond` of them per second. */
  async churn({ perSecond, seconds }: { perSecond: number; seconds: number }): Promise<ClientCounts> {
    const startedAt = now();
    for (let done = 0; now() - startedAt < seconds * 1_000;) {
      for (const due = ((now() - startedAt) / 1_000) * perSecond; done < due; done += 1) clientPool?.churn();
      await delay(POLL_INTERVAL_MS);
    }
    return clientPool?.counts ?? createCounts();
  },

  /** Disconnects all clients. */
  end(): Promise<ClientCounts> {
    const counts = clientPool?.counts ?? createCounts();
    clientPool?.stop();
    clientPool = undefined;
    return Promise.resolve({ ...counts });
  },

  /** Sends requests that the server refuses. Resolves once all were refused. */
  refuse(options: { endpoint: Endpoint; connections: number; count: number }): Promise<void> {
    return sendRefusedRequests(options);
  },

  /** Compares `_bulk_get` of one user's own document through the gate and through the bare proxy. */
  compare(options: Omit<CompareOptions, 'token' | 'ownId' | 'now'>): Promise<Comparison> {
    const [user] = users;
    if (user === undefined) throw new Error('Call prepare first.');
    return compareRequests({ ...options, token: createToken(user.username), ownId: user.ownId, now });
  },
};

export type LoadMethods = typeof methods;
serveParent(methods);
