import { alignedTable } from './report.ts';
import { median } from './statistics.ts';

/** One look at the gate. What it does not say is undefined. */
export interface Sample {
  readonly second: number;
  readonly residentBytes: number;
  readonly openFiles: number;
  readonly heapBytes: number | undefined;
  readonly timers: number | undefined;
  readonly resources: number | undefined;
}

type Figure = Exclude<keyof Sample, 'second'>;

interface Rule {
  readonly figure: Figure;
  readonly title: string;
  /** What stands for a quarter: of the heap its lowest, which is what a collection leaves. */
  readonly of: (values: readonly number[]) => number;
  /** For people: bytes are told in MiB. */
  readonly unit: number;
  /** How much more it may be at the end, as a part of what it was, and at least. */
  readonly part: number;
  readonly least: number;
}

const MEBIBYTE = 1024 ** 2;

const lowest = (values: readonly number[]): number => Math.min(...values);

const RULES: readonly Rule[] = [
  { figure: 'residentBytes', title: 'resident MiB', of: median, unit: MEBIBYTE, part: 0.1, least: 16 * MEBIBYTE },
  { figure: 'heapBytes', title: 'heap MiB', of: lowest, unit: MEBIBYTE, part: 0.2, least: 16 * MEBIBYTE },
  { figure: 'openFiles', title: 'open files', of: median, unit: 1, part: 0.05, least: 50 },
  { figure: 'timers', title: 'timers', of: median, unit: 1, part: 0.1, least: 20 },
  { figure: 'resources', title: 'active resources', of: median, unit: 1, part: 0.05, least: 50 },
];

export interface Trend {
  readonly title: string;
  /** In the second quarter of the time, when everything has settled, and in the last; undefined: not told. */
  readonly settled: number | undefined;
  readonly last: number | undefined;
  readonly flat: boolean;
}

/** Compares the second quarter with the last one: the first is for settling. */
export function trendsOf(samples: readonly Sample[]): Trend[] {
  const quarter = Math.max(Math.floor(samples.length / 4), 1);
  const settled = samples.slice(quarter, 2 * quarter);
  const last = samples.slice(-quarter);
  return RULES.map(({ figure, title, of, unit, part, least }) => {
    const valueOf = (some: readonly Sample[]): number | undefined => {
      const values = some.map((sample) => sample[figure]).filter((value) => value !== undefined);
      return values.length === 0 ? undefined : of(values);
    };
    const [before, after] = [valueOf(settled), valueOf(last)];
    const told = (value: number | undefined): number | undefined => (value === undefined ? undefined : value / unit);
    const flat = before === undefined || after === undefined || after - before <= Math.max(before * part, least);
    return { title, settled: told(before), last: told(after), flat };
  });
}

const cell = (value: number | undefined): string =>
  value === undefined ? 'n/a' : value.toFixed(1).replace(/\.0$/, '');

export function soakReport(trends: readonly Trend[]): string {
  const rows = trends.map(({ title, settled, last, flat }) => [
    title,
    cell(settled),
    cell(last),
    settled === undefined ? 'not told' : flat ? 'flat' : 'GROWS',
  ]);
  const growing = trends.filter(({ flat }) => !flat).map(({ title }) => title);
  const verdict =
    growing.length === 0
      ? 'Nothing grows: what was taken for a client was given back.'
      : `Growing from the second quarter to the last: ${growing.join(', ')}.`;
  return `${alignedTable([['of the gate', 'second quarter', 'last quarter', ''], ...rows])}\n\n${verdict}`;
}
