import { z } from 'zod';

/** The shape of docs/bench.json. What could not be measured is null, and a note says why. Times in ms, memory in bytes. */
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
  /** How many of them were parked before the writes began. */
  parked: z.number(),
  writes: z.object({
    /** In all. */
    asked: z.number(),
    done: z.number(),
    failed: z.number(),
    /** Not sent, since the database had fallen behind. */
    skipped: z.number(),
    askedPerSecond: z.number(),
    donePerSecond: z.number(),
  }),
  /** From the instant a write was sent until its user's client had the row. */
  fromSent: spreadSchema.nullable(),
  /** From the database's acknowledgement of the write. */
  fromAcknowledged: spreadSchema.nullable(),
  lost: z.number(),
  /** CPU-seconds a write, the idle share included. */
  upstreamSecondsPerWrite: measured,
  frontSecondsPerWrite: measured,
  /** Cores in use while all are parked and nobody writes. */
  upstreamIdle: measured,
  frontIdle: measured,
  bytesPerClient: measured,
  /** The most connections from the front to the database that were seen during the writes. */
  upstreamConnections: z.number(),
  /** What went wrong for the clients, from the first one's coming on. */
  clientErrors: z.object({
    /** Answered 503. */
    shed: z.number(),
    /** Answered with another status than 200. */
    refused: z.number(),
    /** Connections that ended before their answer was complete. */
    broken: z.number(),
    /** Answers that said nothing for longer than three heartbeats. */
    silent: z.number(),
  }),
  /** 99 of 100 turns of the load generator's own event loop were late by less than this. */
  loadLagP99: z.number(),
});

const stormSchema = z.object({
  clients: z.number(),
  /** From the kill until the gate listened again. */
  outage: z.number(),
  /** From then until all were parked; null when they never were. */
  parkedAfter: measured,
  /** That the database got from the kill until all were parked, the benchmark's own writes aside. */
  upstreamRequests: measured,
  /** As the gate's own metrics have it, from its start on. */
  upstreamRequestsByMetrics: measured,
  shed: z.number(),
  refused: z.number(),
  broken: z.number(),
  writes: z.number(),
  lost: z.number(),
  healthSlowest: measured,
  healthMedian: measured,
  healthFailed: z.number(),
});

const requestSchema = z.object({
  concurrency: z.number(),
  /** By each way. */
  requests: z.number(),
  gate: z.number(),
  bare: z.number(),
  ratio: z.number(),
});

export const benchResultSchema = z.object({
  date: z.iso.datetime(),
  machine: z.object({ cores: z.number(), processor: z.string(), gibibytes: z.number(), node: z.string() }),
  upstream: z.object({ kind: z.enum(['embedded', 'couchdb']), version: z.string() }),
  seconds: z.number(),
  openFiles: z.number(),
  live: z.array(liveSchema),
  storm: stormSchema.nullable(),
  request: z.array(requestSchema),
  notes: z.array(z.string()),
});

export type BenchResult = z.output<typeof benchResultSchema>;
export type LiveResult = z.output<typeof liveSchema>;
export type StormResult = z.output<typeof stormSchema>;
export type FrontName = z.output<typeof frontSchema>;
