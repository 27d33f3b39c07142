import type { BenchResult, LiveResult, StormResult } from '../result.ts';

/** Creates a live result with the given median; the other figures follow from it or are constant. */
export const createLiveResult = (front: 'gate' | 'plain', users: number, median: number): LiveResult => ({
  front,
  users,
  parked: users,
  writes: { asked: 3_000, done: 3_000, failed: 0, skipped: 0, askedPerSecond: 50, donePerSecond: 50 },
  fromSent: { count: 3_000, median, p95: median * 2, p99: median * 3, max: median * 4 },
  fromAcknowledged: { count: 3_000, median: median / 2, p95: median, p99: median * 2, max: median * 3 },
  lost: 0,
  upstreamSecondsPerWrite: 0.0123456,
  frontSecondsPerWrite: 0.002,
  upstreamIdle: 0.01,
  frontIdle: 0.02,
  bytesPerClient: 14_336,
  upstreamConnections: 9,
  clientErrors: { shed: 0, refused: 0, broken: 0, silent: 0 },
  loadLagP99: 0.5,
});

/** Creates the result of a storm of 5,000 clients. */
const createStormResult = (
  front: StormResult['front'],
  patience: StormResult['patience'],
  parkedAfter: number,
): StormResult => ({
  front,
  clients: 5_000,
  patience,
  outage: 1_500,
  parkedAfter,
  upstreamRequests: front === 'gate' ? 80 : null,
  upstreamRequestsByMetrics: null,
  frontSecondsPerClient: 0.000_8,
  shed: 12,
  refused: 0,
  broken: 7_000,
  writes: 100,
  lost: 0,
  healthSlowest: 120,
  healthMedian: 2,
  healthFailed: 0,
});

/** A result with every part: three sizes of live runs, a storm and plain requests. */
export const benchResult: BenchResult = {
  date: '2026-11-22T12:00:00.000Z',
  machine: { cores: 2, processor: 'Some & <Any> CPU', gibibytes: 23.5, node: '20.20.2' },
  upstream: { kind: 'couchdb', version: '3.4.3' },
  seconds: 60,
  openFiles: 20_000,
  live: [
    createLiveResult('gate', 100, 8),
    createLiveResult('plain', 100, 40),
    createLiveResult('gate', 1_000, 9),
    createLiveResult('plain', 1_000, 2_400),
    createLiveResult('gate', 10_000, 11),
  ],
  storm: [createStormResult('gate', 'patient', 4_321), createStormResult('bare', 'impatient', 2_500)],
  refusal: { requests: 50_000, gateSeconds: 0.000_045_6, bareSeconds: 0.000_03 },
  request: [{ concurrency: 1, requests: 2_000, gate: 5.2, bare: 4, ratio: 1.3 }],
  browser: [
    { users: 10, parked: 10, writesPerSecond: 50, clickToDom: { count: 40, median: 61, p95: 70, p99: 75, max: 80 } },
    { users: 5_000, parked: 4_999, writesPerSecond: 50, clickToDom: null },
  ],
  notes: ['A note.'],
};
