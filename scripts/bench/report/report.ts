import { alignedTable, markdownTable, type Row } from '../../tables.ts';
import type { BenchResult, KilledWorkerResult, LiveResult, StormResult } from './result.ts';
import { roundToThreeDigits } from './statistics.ts';

/** Formats the benchmark's result for people: tables for the terminal and for README. */

const NOT_AVAILABLE = 'n/a';

const formatNumber = (value: number | null | undefined, factor = 1): string =>
  value === null || value === undefined ? NOT_AVAILABLE : formatCount(roundToThreeDigits(value * factor));

/** With thousands separators and without an exponent. */
const formatCount = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 6 });

const formatSeconds = (ms: number | null): string => (ms === null ? 'never' : `${formatNumber(ms, 1 / 1_000)} s`);

/** Returns the name of a front for tables and labels. */
export const frontTitle = (front: LiveResult['front']): string => (front === 'gate' ? 'Pouchgate' : 'plain proxy');

const liveTitle = ({ front, workers }: LiveResult): string =>
  workers === 1 ? frontTitle(front) : `${frontTitle(front)}, ${workers} workers`;

const LIVE_HEADER: Row = [
  'front',
  'live users',
  'writes/s',
  'median ms',
  'p95 ms',
  'p99 ms',
  'max ms',
  'lost',
  'database CPU ms/write',
  'front CPU ms/write',
  'front KiB/user',
  'connections to database',
];

function liveRow(live: LiveResult): Row {
  const { fromSent, writes } = live;
  return [
    liveTitle(live),
    live.parked === live.users ? formatCount(live.users) : `${formatCount(live.parked)} of ${formatCount(live.users)}`,
    writes.done === writes.asked
      ? formatCount(writes.askedPerSecond)
      : `${formatNumber(writes.donePerSecond)} of ${formatCount(writes.askedPerSecond)}`,
    formatNumber(fromSent?.median),
    formatNumber(fromSent?.p95),
    formatNumber(fromSent?.p99),
    formatNumber(fromSent?.max),
    formatCount(live.lost),
    formatNumber(live.upstreamSecondsPerWrite, 1_000),
    formatNumber(live.frontSecondsPerWrite, 1_000),
    formatNumber(live.bytesPerClient, 1 / 1_024),
    formatCount(live.upstreamConnections),
  ];
}

/** Returns one line with the date, the machine and the versions. */
export function describeMachine({ machine, upstream, date, openFiles }: BenchResult): string {
  const database =
    upstream.kind === 'couchdb' ? `CouchDB ${upstream.version}` : `the embedded engine (${upstream.version})`;
  const memory = `${Math.round(machine.gibibytes)} GiB`;
  return `${date.slice(0, 10)}, ${machine.cores} cores (${machine.processor}), ${memory}, Node ${machine.node}, ${database}, at most ${formatCount(openFiles)} open files per process; clients, front and database all on this machine.`;
}

const STORM_HEADER: Row = [
  'front',
  'clients',
  'all live again after',
  'slowest health check ms',
  'requests to database',
  'front CPU ms/client',
  '503 responses',
  'lost',
];

function stormRow(storm: StormResult): Row {
  return [
    storm.front === 'gate' ? 'Pouchgate' : 'node:http alone',
    `${formatCount(storm.clients)} ${storm.patience}`,
    formatSeconds(storm.parkedAfter),
    formatNumber(storm.healthSlowest),
    formatNumber(storm.upstreamRequests),
    formatNumber(storm.frontSecondsPerClient, 1_000),
    formatCount(storm.shed),
    formatCount(storm.lost),
  ];
}

/** Returns what the storm's table omits. */
function stormDetails(storm: StormResult): string {
  const { front, patience, clients, upstreamRequests: requests, upstreamRequestsByMetrics: byMetrics } = storm;
  const perRequest =
    requests === null || requests === 0
      ? []
      : [`one request to the database per ${formatNumber(clients / requests)} clients`];
  return [
    `${front}, ${patience}: back after ${formatSeconds(storm.outage)}`,
    ...perRequest,
    ...(byMetrics === null ? [] : [`${formatCount(byMetrics)} requests by the gate's own metrics`]),
    `other errors: ${formatCount(storm.refused)}, failed connections: ${formatCount(storm.broken)}`,
    `writes during the outage: ${formatCount(storm.writes)}`,
    `/healthz: median ${formatNumber(storm.healthMedian)} ms, failed ${formatCount(storm.healthFailed)}.`,
  ].join('; ');
}

/** Returns the cost of a refusal, or nothing if it was not measured. */
const refusalSentences = ({ refusal }: BenchResult): string[] =>
  refusal === null
    ? []
    : [
        `A refusal (503) costs ${formatNumber(refusal.gateSeconds, 1e6)} µs of CPU, and the same response of node:http alone ${formatNumber(refusal.bareSeconds, 1e6)} µs.`,
      ];
const killedWorkerLines = ({ workers, clients, interrupted, ...result }: KilledWorkerResult): string[] => [
  `Killed worker: one of ${workers} workers was killed under ${formatCount(clients)} live clients; ${formatCount(interrupted)} were interrupted.`,
  `  ${result.parkedAfter === null ? 'Not all clients were parked again.' : `All clients were parked again after ${formatSeconds(result.parkedAfter)}.`} Refused requests: ${formatCount(result.refused)}. Writes: ${formatCount(result.writes)}, lost: ${formatCount(result.lost)}.`,
];

const REQUEST_HEADER: Row = ['own _bulk_get', 'Pouchgate ms', 'bare proxy ms', 'ratio'];

const requestRows = ({ request }: BenchResult): Row[] =>
  request.map(({ concurrency, gate, bare, ratio }) => [
    concurrency === 1 ? 'one at a time' : `${concurrency} at a time`,
    formatNumber(gate),
    formatNumber(bare),
    formatNumber(ratio),
  ]);

const BROWSER_HEADER: Row = ['browser to browser: live users', 'writes/s', 'clicks', 'median ms', 'p95 ms', 'max ms'];

const browserRows = ({ browser }: BenchResult): Row[] =>
  browser.map(({ users, parked, writesPerSecond, clickToDom }) => [
    parked === users ? formatCount(users) : `${formatCount(parked)} of ${formatCount(users)}`,
    formatCount(writesPerSecond),
    formatCount(clickToDom?.count ?? 0),
    formatNumber(clickToDom?.median),
    formatNumber(clickToDom?.p95),
    formatNumber(clickToDom?.max),
  ]);

/** Returns the complete result as text for the terminal. */
export function textReport(result: BenchResult): string {
  const { live, storm, killedWorker, request, browser, notes } = result;
  const parts = [
    describeMachine(result),
    ...(live.length === 0 ? [] : [alignedTable([LIVE_HEADER, ...live.map(liveRow)])]),
    ...(live.length === 0 ? [] : [alignedTable([IDLE_HEADER, ...live.map(idleRow)])]),
    ...(storm.length === 0 ? [] : [alignedTable([STORM_HEADER, ...storm.map(stormRow)])]),
    ...(storm.length === 0 ? [] : [storm.map(stormDetails).join('\n')]),
    ...refusalSentences(result),
    ...(killedWorker === null ? [] : [killedWorkerLines(killedWorker).join('\n')]),
    ...(request.length === 0 ? [] : [alignedTable([REQUEST_HEADER, ...requestRows(result)])]),
    ...(browser.length === 0 ? [] : [alignedTable([BROWSER_HEADER, ...browserRows(result)])]),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]),
  ];
  return parts.join('\n\n');
}

const IDLE_HEADER: Row = [
  'front',
  'live users',
  'database idle CPU %',
  'front idle CPU %',
  'median ms after acknowledgement',
  'p99 ms after acknowledgement',
  'shed',
  'refused',
  'broken',
  'silent',
  'load generator lag p99 ms',
];

const idleRow = (live: LiveResult): Row => [
  liveTitle(live),
  formatCount(live.users),
  formatNumber(live.upstreamIdle, 100),
  formatNumber(live.frontIdle, 100),
  formatNumber(live.fromAcknowledged?.median),
  formatNumber(live.fromAcknowledged?.p99),
  ...[live.clientErrors.shed, live.clientErrors.refused, live.clientErrors.broken, live.clientErrors.silent].map(
    (count) => formatCount(count),
  ),
  formatNumber(live.loadLagP99),
];

const describeClicks = ({ browser }: BenchResult): string => {
  const medians = browser.map(
    ({ users, clickToDom }) => `${formatNumber(clickToDom?.median)} ms (median) with ${formatCount(users)} live users`,
  );
  return `From a click in one browser until the page in another shows the change it takes ${medians.join(', and ')}.`;
};

/** Returns the Markdown between README's markers. */
export function readmeSection(result: BenchResult): string {
  const { live, storm, request, browser, seconds } = result;
  const columns = [0, 1, 2, 3, 5, 7, 8, 10];
  const rows = [LIVE_HEADER, ...live.map(liveRow)].map((row) => columns.map((column) => row[column] ?? ''));
  const [sequential] = request;
  const sentences = [
    [
      ...refusalSentences(result),
      ...(sequential === undefined
        ? []
        : [
            `A plain request costs ${formatNumber(sequential.ratio)} times as much as through a proxy that only forwards it.`,
          ]),
      ...(browser.length === 0 ? [] : [describeClicks(result)]),
    ].join(' '),
  ].filter((sentence) => sentence !== '');
  return [
    `Time from a write until its user's client has received it, during ${seconds} s of writes spread over all users:`,
    markdownTable(rows),
    ...(storm.length === 0
      ? []
      : [
          'The front is killed and restarted while all clients are live:',
          markdownTable([STORM_HEADER, ...storm.map(stormRow)]),
        ]),
    ...(sentences.length === 0 ? [] : [sentences.join(' ')]),
    describeMachine(result),
  ].join('\n\n');
}

const MARKERS = { begin: '<!-- bench -->', end: '<!-- /bench -->' };

/** Returns README with the section between the markers replaced, or unchanged if it has no markers. */
export function updateReadme(readme: string, result: BenchResult): string {
  const begin = readme.indexOf(MARKERS.begin);
  const end = readme.indexOf(MARKERS.end);
  if (begin < 0 || end < begin) return readme;
  return `${readme.slice(0, begin + MARKERS.begin.length)}\n\n${readmeSection(result)}\n\n${readme.slice(end)}`;
}
