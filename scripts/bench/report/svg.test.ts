import { benchResult, createLiveResult } from './testing/results.ts';
import { benchSvg, decades } from './svg.ts';

/** Returns the positions of each line's dots, by the line's class names. */
function dots(svg: string): Map<string, { x: number; y: number }[]> {
  const lines = [...svg.matchAll(/<path class="line (\w+ \w+)" d="([^"]+)"/g)];
  return new Map(
    lines.map(([, name = '', path = '']) => [
      name,
      [...path.matchAll(/[ML]([\d.]+) ([\d.]+)/g)].map(([, x, y]) => ({ x: Number(x), y: Number(y) })),
    ]),
  );
}

it('draws the median and p99 of each front, with one dot per number of users', () => {
  const lines = dots(benchSvg(benchResult));
  expect([...lines].map(([name, positions]) => [name, positions.length])).toEqual([
    ['gate median', 3],
    ['gate p99', 3],
    ['plain median', 2],
    ['plain p99', 2],
  ]);
});

it('draws slower runs higher and larger runs further right, with equal factors as equal distances', () => {
  const live = [
    createLiveResult('gate', 10, 1),
    createLiveResult('gate', 100, 10),
    createLiveResult('gate', 1_000, 100),
  ];
  const [a, b, c] = dots(benchSvg({ ...benchResult, live })).get('gate median') ?? [];
  if (a === undefined || b === undefined || c === undefined) throw new Error('Expected three dots.');
  expect(b.x - a.x).toBeCloseTo(c.x - b.x, 0);
  expect(a.y - b.y).toBeCloseTo(b.y - c.y, 0);
  expect(a.y).toBeGreaterThan(b.y);
});

it('labels each line at its end without overlaps', () => {
  const svg = benchSvg({ ...benchResult, live: [createLiveResult('gate', 100, 8), createLiveResult('plain', 100, 8)] });
  const ys = [...svg.matchAll(/<text class="(?:gate|plain)"[^>]* y="([\d.]+)"/g)]
    .map(([, y]) => Number(y))
    .sort((a, b) => a - b);
  expect(ys).toHaveLength(4);
  for (const [n, y] of ys.slice(1).entries()) expect(y - (ys[n] ?? 0)).toBeGreaterThanOrEqual(17.9);
});

it('spans whole powers of ten around the values', () => {
  expect(decades([8, 2_400])).toEqual([1, 10, 100, 1_000, 10_000]);
  expect(decades([10])).toEqual([10, 100]);
});

it('is well-formed without invalid numbers, and empty without results', () => {
  const svg = benchSvg(benchResult);
  expect(svg).not.toMatch(/NaN|Infinity|undefined/);
  expect(svg.match(/<text/g)?.length).toBe(svg.match(/<\/text>/g)?.length);
  expect(svg).toContain('prefers-color-scheme: dark');
  expect(benchSvg({ ...benchResult, live: [] })).toBe('');
});
