import type { BenchResult, FrontName, LiveResult } from './result.ts';
import { frontTitle } from './report.ts';
import { roundToThreeDigits } from './statistics.ts';

/** The picture of the live runs: median and p99 of each front over the users, both axes logarithmic. */

interface Series {
  readonly front: FrontName;
  readonly what: 'median' | 'p99';
  readonly points: readonly { readonly users: number; readonly ms: number }[];
}

const WIDTH = 780;
const HEIGHT = 400;
const PLOT = { left: 70, right: 560, top: 56, bottom: 340 };
/** Labels of lines that end close together are moved apart to this. */
const LABEL_HEIGHT = 18;

const log10 = (value: number): number => Math.log10(Math.max(value, 0.01));

/** Of the runs with the most writes a second; there may be one with few, for the table. */
function createSeries(all: readonly LiveResult[]): Series[] {
  const maxWriteRate = Math.max(...all.map(({ writes }) => writes.askedPerSecond));
  const live = all.filter(({ writes }) => writes.askedPerSecond === maxWriteRate);
  return (['gate', 'plain'] as const).flatMap((front) =>
    (['median', 'p99'] as const).flatMap((what) => {
      const points = live.flatMap(({ front: of, users, fromSent }) =>
        of === front && fromSent !== null ? [{ users, ms: fromSent[what] }] : [],
      );
      return points.length === 0 ? [] : [{ front, what, points }];
    }),
  );
}

/** Positions from values, the range widened to what `to` spans. */
function scale(values: readonly number[], from: number, to: number): (value: number) => number {
  const low = log10(Math.min(...values));
  const high = log10(Math.max(...values));
  const span = high - low || 1;
  return (value) => Number((from + ((log10(value) - low) / span) * (to - from)).toFixed(1));
}

/** The powers of ten around the values: what the axis of times spans. */
export function decades(values: readonly number[]): number[] {
  const low = Math.floor(log10(Math.min(...values)));
  const high = Math.max(Math.ceil(log10(Math.max(...values))), low + 1);
  return Array.from({ length: high - low + 1 }, (_, n) => 10 ** (low + n));
}

const timeLabel = (ms: number): string =>
  ms >= 1_000 ? `${roundToThreeDigits(ms / 1_000)} s` : `${roundToThreeDigits(ms)} ms`;

/** Moves what is closer together than a line's height apart, downwards. */
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

/** Readable on light and on dark pages: it has no ground of its own, and its colours follow the reader's preference. */
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

/** Escaped, though nothing in it is anybody else's. */
const escapeXml = (text: string): string => text.replaceAll('&', '&amp;').replaceAll('<', '&lt;');

export function benchSvg({ live, upstream }: BenchResult): string {
  const series = createSeries(live);
  const points = series.flatMap((each) => each.points);
  if (points.length === 0) return '';
  const ticks = decades(points.map(({ ms }) => ms));
  const counts = [...new Set(points.map(({ users }) => users))].sort((a, b) => a - b);
  const x = scale(counts, PLOT.left, PLOT.right);
  const y = scale(ticks, PLOT.bottom, PLOT.top);
  const ends = spreadLabels(series.map(({ points: of }) => y(of.at(-1)?.ms ?? 1)));
  const database = upstream.kind === 'couchdb' ? `CouchDB ${upstream.version}` : 'the embedded engine';
  const title = `From a write to its user's client, on ${database}`;
  const lines = series.map(({ front, what, points: of }, index) => {
    const path = of.map(({ users, ms }, n) => `${n === 0 ? 'M' : 'L'}${x(users)} ${y(ms)}`).join(' ');
    const dots = of
      .map(({ users, ms }) => `<circle class="${front}" cx="${x(users)}" cy="${y(ms)}" r="3.5"/>`)
      .join('');
    const last = of.at(-1);
    const label = `${frontTitle(front)}, ${what}: ${timeLabel(last?.ms ?? 0)}`;
    const labelled = `<text class="${front}" x="${x(last?.users ?? 0) + 10}" y="${(ends[index] ?? 0) + 4}">${escapeXml(label)}</text>`;
    return `<path class="line ${front} ${what}" d="${path}"/>${dots}${labelled}`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" role="img" aria-label="${escapeXml(title)}">
<style>${STYLE}
</style>
<text class="title" x="${PLOT.left}" y="28">${escapeXml(title)}</text>
${ticks
  .map(
    (ms) =>
      `<path class="grid" d="M${PLOT.left} ${y(ms)} H${PLOT.right}"/><text x="${PLOT.left - 8}" y="${y(ms) + 4}" text-anchor="end">${timeLabel(ms)}</text>`,
  )
  .join('\n')}
${counts.map((users) => `<text x="${x(users)}" y="${PLOT.bottom + 22}" text-anchor="middle">${users.toLocaleString('en-US')}</text>`).join('\n')}
<text x="${(PLOT.left + PLOT.right) / 2}" y="${PLOT.bottom + 46}" text-anchor="middle">live users</text>
${lines.join('\n')}
</svg>
`;
}
