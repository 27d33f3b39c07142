import type { BenchResult, LiveResult, StormResult } from './result.ts';
import { rounded } from './statistics.ts';

/** The benchmark's figures as people read them: tables in a terminal and in README. */

type Row = readonly string[];

const NOTHING = 'n/a';

const number = (value: number | null | undefined, factor = 1): string =>
  value === null || value === undefined ? NOTHING : format(rounded(value * factor));

/** Thousands apart, and no exponent. */
const format = (value: number): string => value.toLocaleString('en-US', { maximumFractionDigits: 6 });

const seconds = (ms: number | null): string => (ms === null ? 'never' : `${number(ms, 1 / 1_000)} s`);

export const frontTitle = (front: LiveResult['front']): string => (front === 'gate' ? 'Pouchgate' : 'plain proxy');

const LIVE_HEAD: Row = [
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
  const { fromSent: spread, writes } = live;
  return [
    frontTitle(live.front),
    live.parked === live.users ? format(live.users) : `${format(live.parked)} of ${format(live.users)}`,
    writes.done === writes.asked
      ? format(writes.askedPerSecond)
      : `${number(writes.donePerSecond)} of ${format(writes.askedPerSecond)}`,
    number(spread?.median),
    number(spread?.p95),
    number(spread?.p99),
    number(spread?.max),
    format(live.lost),
    number(live.upstreamSecondsPerWrite, 1_000),
    number(live.frontSecondsPerWrite, 1_000),
    number(live.bytesPerClient, 1 / 1_024),
    format(live.upstreamConnections),
  ];
}

/** Columns one below the other; the first one to the left, figures to the right. */
export function alignedTable(rows: readonly Row[]): string {
  const widths = widthsOf(rows);
  const line = (row: Row): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  return rows.map((row) => line(row).trimEnd()).join('\n');
}

/** As Prettier formats it. */
export function markdownTable([head = [], ...rows]: readonly Row[]): string {
  const widths = widthsOf([head, ...rows]).map((width) => Math.max(width, 3));
  const line = (row: Row): string => `| ${row.map((cell, column) => pad(cell, column)).join(' | ')} |`;
  const pad = (cell: string, column: number): string =>
    column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0);
  const rule = widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`));
  return [line(head), `| ${rule.join(' | ')} |`, ...rows.map(line)].join('\n');
}

const widthsOf = (rows: readonly Row[]): number[] =>
  (rows[0] ?? []).map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)));

export function machineSentence({ machine, upstream, date, openFiles }: BenchResult): string {
  const database =
    upstream.kind === 'couchdb' ? `CouchDB ${upstream.version}` : `the embedded engine (${upstream.version})`;
  const memory = `${Math.round(machine.gibibytes)} GiB`;
  return `${date.slice(0, 10)}, ${machine.cores} cores (${machine.processor}), ${memory}, Node ${machine.node}, ${database}, at most ${format(openFiles)} open files a process; clients, front and database on this one machine.`;
}

function stormLines(storm: StormResult): string[] {
  const { clients, upstreamRequests: requests, upstreamRequestsByMetrics: told } = storm;
  const each = requests === null || requests === 0 ? '' : `, one for ${number(clients / requests)} clients`;
  const byMetrics = told === null ? '' : ` (${format(told)} by the gate's own metrics)`;
  return [
    `Storm: the gate was killed under ${format(clients)} live clients and was back after ${seconds(storm.outage)}.`,
    `  All parked again after that: ${seconds(storm.parkedAfter)}. Requests to the database: ${number(requests)}${byMetrics}${each}.`,
    `  Answered 503: ${format(storm.shed)}; another error: ${format(storm.refused)}; connections that failed: ${format(storm.broken)}.`,
    `  Writes in the outage: ${format(storm.writes)}, lost: ${format(storm.lost)}.`,
    `  /healthz: median ${number(storm.healthMedian)} ms, slowest ${number(storm.healthSlowest)} ms, failed ${format(storm.healthFailed)}.`,
  ];
}

const REQUEST_HEAD: Row = ['own _bulk_get', 'Pouchgate ms', 'bare proxy ms', 'ratio'];

const requestRows = ({ request }: BenchResult): Row[] =>
  request.map(({ concurrency, gate, bare, ratio }) => [
    concurrency === 1 ? 'one at a time' : `${concurrency} at a time`,
    number(gate),
    number(bare),
    number(ratio),
  ]);

/** The whole result in text. */
export function textReport(result: BenchResult): string {
  const { live, storm, request, notes } = result;
  const parts = [
    machineSentence(result),
    ...(live.length === 0 ? [] : [alignedTable([LIVE_HEAD, ...live.map(liveRow)])]),
    ...(live.length === 0 ? [] : [alignedTable([IDLE_HEAD, ...live.map(idleRow)])]),
    ...(storm === null ? [] : [stormLines(storm).join('\n')]),
    ...(request.length === 0 ? [] : [alignedTable([REQUEST_HEAD, ...requestRows(result)])]),
    ...(notes.length === 0 ? [] : [notes.map((note) => `- ${note}`).join('\n')]),
  ];
  return parts.join('\n\n');
}

const IDLE_HEAD: Row = [
  'besides',
  'live users',
  'database idle CPU %',
  'front idle CPU %',
  'median ms from acknowledgement',
  'p99 ms from acknowledgement',
  'shed',
  'refused',
  'broken',
  'silent',
  'load generator late by, p99 ms',
];

const idleRow = (live: LiveResult): Row => [
  frontTitle(live.front),
  format(live.users),
  number(live.upstreamIdle, 100),
  number(live.frontIdle, 100),
  number(live.fromAcknowledged?.median),
  number(live.fromAcknowledged?.p99),
  ...[live.clientErrors.shed, live.clientErrors.refused, live.clientErrors.broken, live.clientErrors.silent].map(
    (count) => format(count),
  ),
  number(live.loadLagP99),
];

/** What stands between README's marks. */
export function readmeSection(result: BenchResult): string {
  const { live, storm, request, seconds: length } = result;
  const columns = [0, 1, 2, 3, 5, 7, 8, 10];
  const rows = [LIVE_HEAD, ...live.map(liveRow)].map((row) => columns.map((column) => row[column] ?? ''));
  const [one] = request;
  const also = [
    ...(storm?.parkedAfter == null
      ? []
      : [
          `Killed and restarted under ${format(storm.clients)} live clients, all are parked again ${seconds(storm.parkedAfter)} after it listens, with ${number(storm.upstreamRequests)} requests to the database; the slowest health answer took ${number(storm.healthSlowest)} ms, and ${format(storm.lost)} changes were lost.`,
        ]),
    ...(one === undefined
      ? []
      : [`A plain request costs ${number(one.ratio)} times what it costs through a proxy that only passes it on.`]),
  ];
  return [
    `From the write to the row in its user's hands, ${length} s of writes spread over the users:`,
    markdownTable(rows),
    ...also,
    machineSentence(result),
  ].join('\n\n');
}

const MARKS = { begin: '<!-- bench -->', end: '<!-- /bench -->' };

/** README with the section of the figures made new; as it was when it has no marks. */
export function withFigures(readme: string, result: BenchResult): string {
  const begin = readme.indexOf(MARKS.begin);
  const end = readme.indexOf(MARKS.end);
  if (begin < 0 || end < begin) return readme;
  return `${readme.slice(0, begin + MARKS.begin.length)}\n\n${readmeSection(result)}\n\n${readme.slice(end)}`;
}
