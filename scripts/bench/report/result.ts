import { z } from 'zod';

/** Schema of docs/bench.json. Times are in ms, memory in bytes. A figure that could not be measured is null. */
const measured = z.number().nullable();

const spreadSchema = z.object({
  count: z.number(),
  median: z.number(),
  p95: z.number(),
  p99: z.number(),
  max: z.number(),
});

const frontSchema = z.enum(['gate', 'plain']);

const liveSchema = z.object({
  front: frontSchema,
  users: z.number(),
  /** Users whose live request was waiting for a change before the writes started. */
  parked: z.number(),
  writes: z.object({
    /** Writes that were due in the given time. */
    asked: z.number(),
    done: z.number(),
    failed: z.number(),
    /** Not sent because the database had fallen behind. */
    skipped: z.number(),
    askedPerSecond: z.number(),
    donePerSecond: z.number(),
  }),
  /** From sending a write until its user's client received the row. */
  fromSent: spreadSchema.nullable(),
  /** From the database's acknowledgement until the client received the row. */
  fromAcknowledged: spreadSchema.nullable(),
  lost: z.number(),
  /** CPU seconds per write, including the idle share. */
  upstreamSecondsPerWrite: measured,
  frontSecondsPerWrite: measured,
  /** Cores in use while all clients are parked and no writes are sent. */
  upstreamIdle: measured,
  frontIdle: measured,
  bytesPerClient: measured,
  /** Maximum number of connections from the front to the database observed during the writes. */
  upstreamConnections: z.number(),
  /** Errors of the clients, from the first connection on. */
  clientErrors: z.object({
    /** Responses with status 503. */
    shed: z.number(),
    /** Responses with a status other than 200 and 503. */
    refused: z.number(),
    /** Connections that failed to open, or closed before their response was complete. */
    broken: z.number(),
    /** Responses aborted because no byte arrived for three heartbeats. */
    silent: z.number(),
  }),
  /** 99th percentile of the load generator's own event loop delay. */
  loadLagP99: z.number(),
});

/** The gate, or a server of `node:http` alone. */
const stormFrontSchema = z.enum(['gate', 'bare']);

const stormSchema = z.object({
  front: stormFrontSchema,
  clients: z.number(),
  patience: z.enum(['patient', 'impatient']),
  /** From the kill until the front listened again. */
  outage: z.number(),
  /** From then until all clients were parked; null if they never were. */
  parkedAfter: measured,
  /** Requests to the database from the kill until all clients were parked, without the benchmark's writes. */
  upstreamRequests: measured,
  /** The same count from the metrics of the restarted gate, from its start on. */
  upstreamRequestsByMetrics: measured,
  /** CPU seconds of the front per client, from then until all clients were parked. */
  frontSecondsPerClient: z.number(),
  shed: z.number(),
  refused: z.number(),
  broken: z.number(),
  writes: z.number(),
  lost: z.number(),
  healthSlowest: measured,
  healthMedian: measured,
  healthFailed: z.number(),
});

const refusalSchema = z.object({
  requests: z.number(),
  /** CPU seconds per refusal. */
  gateSeconds: z.number(),
  /** CPU seconds of `node:http` alone for the same response. */
  bareSeconds: z.number(),
});

const requestSchema = z.object({
  concurrency: z.number(),
  /** Through each of the two routes. */
  requests: z.number(),
  gate: z.number(),
  bare: z.number(),
  ratio: z.number(),
});

const browserSchema = z.object({
  /** Other live users. */
  users: z.number(),
  /** Those whose live request was waiting for a change before the writes to their documents started. */
  parked: z.number(),
  writesPerSecond: z.number(),
  /** From a click in one browser until a second browser of the user shows the change. */
  clickToDom: spreadSchema.nullable(),
});

export const benchResultSchema = z.object({
  date: z.iso.datetime(),
  machine: z.object({ cores: z.number(), processor: z.string(), gibibytes: z.number(), node: z.string() }),
  upstream: z.object({ kind: z.enum(['embedded', 'couchdb']), version: z.string() }),
  seconds: z.number(),
  openFiles: z.number(),
  live: z.array(liveSchema),
  storm: z.array(stormSchema),
  refusal: refusalSchema.nullable(),
  request: z.array(requestSchema),
  browser: z.array(browserSchema),
  notes: z.array(z.string()),
});

export type BenchResult = z.output<typeof benchResultSchema>;
export type LiveResult = z.output<typeof liveSchema>;
export type StormResult = z.output<typeof stormSchema>;
export type StormFront = z.output<typeof stormFrontSchema>;
export type RefusalResult = z.output<typeof refusalSchema>;
export type BrowserResult = z.output<typeof browserSchema>;
export type FrontName = z.output<typeof frontSchema>;
