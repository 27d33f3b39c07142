import type { BenchResult, FrontName, LiveResult } from './result.ts';
import { frontTitle } from './report.ts';
import { roundToThreeDigits } from './statistics.ts';

/** The chart of the live runs: median and p99 of each front by number of users, with logarithmic axes. */

interface Point {
  readonly users: number;
  readonly ms: number;
}

interface Series {
  readonly front: FrontName;
  readonly quantile: 'median' | 'p99';
  readonly points: readonly Point[];
}

const WIDTH = 780;
const HEIGHT = 400;
const PLOT = { left: 70, right: 560, top: 56, bottom: 340 };
/** Minimum vertical distance between two labels. */
const LABEL_HEIGHT = 18;

const log10 = (value: number): number => Math.log10(Math.max(value, 0.01));

/** Uses only the runs with the highest write rate: a run at the low rate is for the table. */
function createSeries(all: readonly LiveResult[]): Series[] {
  const maxWriteRate = Math.max(...all.map(({ writes }) => writes.askedPerSecond));
  const live = all.filter(({ writes }) => writes.askedPerSecond === maxWriteRate);
  return (['gate', 'plain'] as const).flatMap((front) =>
    (['median', 'p99'] as const).flatMap((quantile) => {
      const points = live.flatMap(({ front: runFront, workers, users, fromSent }) =>
        runFront === front && workers === 1 && fromSent !== null ? [{ users, ms: fromSent[quantile] }] : [],
      );
      return points.length === 0 ? [] : [{ front, quantile, points }];
    }),
  );
}

/** Returns a logarithmic scale that maps the range of `values` to the pixels `from` to `to`. */
function scale(values: readonly number[], from: number, to: number): (value: number) => number {
  const low = log10(Math.min(...values));
  const high = log10(Math.max(...values));
  const span = high - low || 1;
  return (value) => Number((from + ((log10(value) - low) / span) * (to - from)).toFixed(1));
}

/** Returns the powers of ten around the values, which are the ticks of the time axis. */
export function decades(values: readonly number[]): number[] {
  const low = Math.floor(log10(Math.min(...values)));
  const high = Math.max(Math.ceil(log10(Math.max(...values))), low + 1);
  return Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n));
}

const timeLabel = (ms: number): string =>
  ms >= 1_000 ? `${roundToThreeDigits(ms / 1_000)} s` : `${roundToThreeDigits(ms)} ms`;

/** Moves labels down until they are at least a label's height apart. */
function spreadLabels(ys: readonly number[]): number[] {
  const order = ys.map((y, index) => ({ y, index })).sort((a, b) => a.y - b.y);
  let nextFreeY = Number.NEGATIVE_INFINITY;
  const placed = ys.map(() => 0);
  for (const { y, index } of order) {
    nextFreeY = Math.max(y, nextFreeY);
    placed[index] = nextFreeY;
    nextFreeY += LABEL_HEIGHT;
  }
  return placed;
}

/** Readable on light and dark pages: the background is transparent, and colours follow `prefers-color-scheme`. */
const STYLE = `
  text { font: 13px system-ui, sans-serif; fill: #444 }
  .title { font-size: 15px; font-weight: 600; fill: #222 }
  .grid { stroke: #8884; stroke-width: 1 }
  .line { fill: none; stroke-width: 2.5 }
  .p99 { stroke-dasharray: 5 4 }
  .gate { stroke: #0b6e4f } .plain { stroke: #b3261e }
  circle.gate, text.gate { fill: #0b6e4f } circle.plain, text.plain { fill: #b3261e }
  text { stroke: none !important } circle { stroke: none !important }
  @media (prefers-color-scheme: dark) {
    text { fill: #bbb } .title { fill: #eee }
    .gate { stroke: #4cc9a0 } .plain { stroke: #ff8a80 }
    circle.gate, text.gate { fill: #4cc9a0 } circle.plain, text.plain { fill: #ff8a80 }
  }`;

/** The CouchDB version comes from the database. */
const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

/** Returns a series' line and dots, and the label at its end with its baseline at `labelY`. */
function drawSeries(
  { front, quantile, points }: Series,
  x: (users: number) => number,
  y: (ms: number) => number,
  labelY: number,
): string {
  const path = points.map(({ users, ms }, n) => `${n === 0 ? 'M' : 'L'}${x(users)} ${y(ms)}`).join(' ');
  const dots = points
    .map(({ users, ms }) => `<circle class="${front}" cx="${x(users)}" cy="${y(ms)}" r="3.5"/>`)
    .join('');
  const last = points.at(-1);
  const labelText = `${frontTitle(front)}, ${quantile}: ${timeLabel(last?.ms ?? 0)}`;
  const label = `<text class="${front}" x="${x(last?.users ?? 0) + 10}" y="${labelY}">${escapeXml(labelText)}</text>`;
  return `<path class="line ${front} ${quantile}" d="${path}"/>${dots}${label}`;
}

/** Returns a horizontal grid line for each tick, with its time. */
const drawTimeAxis = (ticks: readonly number[], y: (ms: number) => number): string =>
  ticks
    .map(
      (ms) =>
        `<path class="grid" d="M${PLOT.left} ${y(ms)} H${PLOT.right}"/><text x="${PLOT.left - 8}" y="${y(ms) + 4}" text-anchor="end">${timeLabel(ms)}</text>`,
    )
    .join('\n');

/** Returns the numbers of users below the plot. */
const drawUserAxis = (counts: readonly number[], x: (users: number) => number): string =>
  counts
    .map(
      (users) =>
        `<text x="${x(users)}" y="${PLOT.bottom + 22}" text-anchor="middle">${users.toLocaleString('en-US')}</text>`,
    )
    .join('\n');

/** Draws the live runs of a result. Returns an empty string if no run has a delivery to draw. */
export function benchSvg({ live, upstream }: BenchResult): string {
  const series = createSeries(live);
  const allPoints = series.flatMap(({ points }) => points);
  if (allPoints.length === 0) return '';
  const ticks = decades(allPoints.map(({ ms }) => ms));
  const counts = [...new Set(allPoints.map(({ users }) => users))].sort((a, b) => a - b);
  const x = scale(counts, PLOT.left, PLOT.right);
  const y = scale(ticks, PLOT.bottom, PLOT.top);
  const labelYs = spreadLabels(series.map(({ points }) => y(points.at(-1)?.ms ?? 1)));
  const lines = series.map((each, index) => drawSeries(each, x, y, (labelYs[index] ?? 0) + 4));
  const database = upstream.kind === 'couchdb' ? `CouchDB ${upstream.version}` : 'the embedded engine';
  const title = escapeXml(`From a write to its user's client, on ${database}`);
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${title}">
<style>${STYLE}
</style>
<text class="title" x="${PLOT.left}" y="28">${title}</text>
${drawTimeAxis(ticks, y)}
${drawUserAxis(counts, x)}
<text x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 46}" text-anchor="middle">live users</text>
${lines.join('\n')}
</svg>
`;
}
