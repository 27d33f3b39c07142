import fc from 'fast-check';
import { findExcess, JsonTokens, TOKEN } from './json-scan.ts';

interface Shape {
  readonly depth: number;
  readonly values: number;
}

/** What the scan counts, from the parsed value: an empty container counts as if it had one value, since no comma shows that. */
function shapeOf(value: unknown): Shape {
  if (typeof value !== 'object' || value === null) return { depth: 0, values: 0 };
  const members = Object.values(value).map(shapeOf);
  return {
    depth: 1 + Math.max(0, ...members.map(({ depth }) => depth)),
    values: Math.max(1, members.length) + members.reduce((sum, { values }) => sum + values, 0),
  };
}

const scan = (text: string, limits: Partial<Record<'maxDepth' | 'maxValues', number>>): string | undefined =>
  findExcess(Buffer.from(text), { maxDepth: 1e9, maxValues: 1e9, ...limits })?.message;

it('finds the depth and the number of values of any JSON, on both sides of each limit', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, ' ', '\t\n'), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      const { depth, values } = shapeOf(JSON.parse(text));
      expect(scan(text, { maxDepth: depth })).toBeUndefined();
      expect(scan(text, { maxValues: values })).toBeUndefined();
      if (depth > 0) {
        expect(scan(text, { maxDepth: depth - 1 })).toBe(`is nested more than ${depth - 1} levels deep`);
        expect(scan(text, { maxValues: values - 1 })).toBe(`has more than ${values - 1} values`);
      }
    }),
    { numRuns: 2_000 },
  );
});

it('ends for any bytes, and its tokens are in order and within them', () => {
  const bytes = fc.oneof(
    fc.uint8Array(),
    fc.array(fc.constantFrom(...Buffer.from('[]{},:"\\ 1'))).map((list) => Uint8Array.from(list)),
  );
  fc.assert(
    fc.property(bytes, (text) => {
      const tokens = new JsonTokens(text);
      let end = 0;
      while (tokens.next() !== TOKEN.end) {
        expect(tokens.start).toBeGreaterThanOrEqual(end);
        expect(tokens.end).toBeGreaterThan(tokens.start);
        ({ end } = tokens);
      }
      expect(tokens.end).toBe(text.length);
    }),
    { numRuns: 2_000 },
  );
});

it('brackets and commas in strings are no values', () => {
  expect(scan('{"a[{,\\"[":"]}[[,,\\\\"}', { maxDepth: 1, maxValues: 1 })).toBeUndefined();
});

it('stops at the limit: what follows is not read', () => {
  let reads = 0;
  const bytes = new Proxy(Buffer.from('['.repeat(10_000)), {
    get: (target, key): unknown => {
      reads += 1;
      return Reflect.get(target, key);
    },
  });
  expect(findExcess(bytes, { maxDepth: 10, maxValues: 1_000 })).toMatchObject({ limit: 'depth' });
  expect(reads).toBeLessThan(20);
});
