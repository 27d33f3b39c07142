import fc from 'fast-check';
import { FairQueue } from './fair-queue.ts';

const QUANTUM_MS = 1;
const DECAY_MS = 10_000;

function createQueue<T>(): { queue: FairQueue<T>; clock: { now: number } } {
  const clock = { now: 0 };
  const queue = new FairQueue<T>({ quantumMs: QUANTUM_MS, decayMs: DECAY_MS, now: () => clock.now });
  return { queue, clock };
}

const keyNames = (count: number): readonly string[] => Array.from({ length: count }, (_, n) => `key${n}`);

/** Serves `turns` items of keys that always have `depth` items. Returns the served keys, and each key's total cost. */
function serveBacklogged(
  queue: FairQueue<string>,
  costs: ReadonlyMap<string, number>,
  { turns, depth }: { turns: number; depth: (key: string) => number },
): { served: string[]; totals: Map<string, number> } {
  const totals = new Map([...costs.keys()].map((key) => [key, 0]));
  const served: string[] = [];
  for (const key of costs.keys()) for (let n = depth(key); n > 0; n -= 1) queue.push(key, key);
  for (let turn = 0; turn < turns; turn += 1) {
    const key = queue.shift() ?? '';
    served.push(key);
    const cost = costs.get(key) ?? Number.NaN;
    queue.charge(key, cost);
    totals.set(key, (totals.get(key) ?? 0) + cost);
    queue.push(key, key);
  }
  return { served, totals };
}

it('with k backlogged keys and equal costs, each key has its turn every k turns, whatever it has queued', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.double({ min: 0, max: 30, noNaN: true }),
      fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 40, maxLength: 40 }),
      (keyCount, cost, depths) => {
        const { queue } = createQueue<string>();
        const keys = keyNames(keyCount);
        const { served } = serveBacklogged(queue, new Map(keys.map((key) => [key, cost])), {
          turns: keyCount * 20,
          depth: (key) => depths[keys.indexOf(key)] ?? 1,
        });
        for (let round = 0; round < 20; round += 1) {
          const turns = served.slice(round * keyCount, (round + 1) * keyCount);
          expect([...turns].sort()).toEqual([...keys].sort());
        }
      },
    ),
  );
});

it('the costs of two backlogged keys differ by at most one item and two quanta, over any run', () => {
  const cost = fc.double({ min: QUANTUM_MS, max: 50, noNaN: true });
  fc.assert(
    fc.property(fc.array(cost, { minLength: 2, maxLength: 10 }), fc.integer({ min: 1, max: 2000 }), (costs, turns) => {
      const { queue } = createQueue<string>();
      const keys = keyNames(costs.length);
      const { totals } = serveBacklogged(queue, new Map(keys.map((key, n) => [key, costs[n] ?? 0])), {
        turns,
        depth: () => 2,
      });
      const spread = Math.max(...totals.values()) - Math.min(...totals.values());
      expect(spread).toBeLessThanOrEqual(Math.max(...costs) + 2 * QUANTUM_MS);
    }),
  );
});

it('every item that is not removed is served once, in its key’s order; sizes are exact', () => {
  const step = fc.oneof(
    fc.record({ kind: fc.constant('push' as const), key: fc.nat(5) }),
    fc.record({ kind: fc.constant('shift' as const) }),
    fc.record({ kind: fc.constant('remove' as const), index: fc.nat(50) }),
    fc.record({
      kind: fc.constant('charge' as const),
      key: fc.nat(5),
      cost: fc.double({ min: 0, max: 5e3, noNaN: true }),
    }),
    fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(20_000) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 120, size: 'max' }), (steps) => {
      const { queue, clock } = createQueue<number>();
      const waiting: { key: string; id: number; place: ReturnType<typeof queue.push> }[] = [];
      const check = (): void => {
        expect(queue.size).toBe(waiting.length);
        expect(queue.keyCount).toBe(new Set(waiting.map(({ key }) => key)).size);
        for (const key of keyNames(6))
          expect(queue.sizeOf(key)).toBe(waiting.filter((each) => each.key === key).length);
      };
      const shift = (): void => {
        const id = queue.shift();
        const index = waiting.findIndex((each) => each.id === id);
        expect(index === -1).toBe(waiting.length === 0);
        const served = waiting[index];
        if (served === undefined) return;
        expect(waiting.findIndex(({ key }) => key === served.key)).toBe(index);
        waiting.splice(index, 1);
        expect(queue.remove(served.place)).toBe(false);
      };
      for (const [id, each] of steps.entries()) {
        if (each.kind === 'push') {
          const key = `key${each.key}`;
          waiting.push({ key, id, place: queue.push(key, id) });
        } else if (each.kind === 'shift') shift();
        else if (each.kind === 'charge') queue.charge(`key${each.key}`, each.cost);
        else if (each.kind === 'wait') clock.now += each.ms;
        else {
          const [removed] = waiting.splice(each.index, 1);
          if (removed !== undefined) expect(queue.remove(removed.place)).toBe(true);
        }
        check();
      }
      while (waiting.length > 0) shift();
      check();
    }),
  );
});

it('no item starves: neither behind cheap keys that arrive faster than they are served, nor by any debt', () => {
  const { queue } = createQueue<string>();
  const indebted = keyNames(20);
  for (const key of indebted) {
    queue.charge(key, 1e9);
    queue.push(key, key);
  }
  const served = new Set<string>();
  let turns = 0;
  for (; served.size < indebted.length; turns += 1) {
    queue.push(`new${turns}`, 'new');
    queue.push(`other${turns}`, 'new');
    served.add(queue.shift() ?? '');
    served.delete('new');
  }
  expect(turns).toBeLessThanOrEqual(1024 + 8 * (indebted.length + 1));
});

it('a key with a higher recent cost is served later, until the cost has decayed', () => {
  const { queue, clock } = createQueue<string>();
  const order = (): (string | undefined)[] => {
    for (const key of ['expensive', 'dear', 'cheap']) queue.push(key, key);
    return [queue.shift(), queue.shift(), queue.shift()];
  };
  queue.charge('expensive', 500);
  queue.charge('dear', 50);
  expect(order()).toEqual(['cheap', 'dear', 'expensive']);
  clock.now += 10 * DECAY_MS;
  expect(order()).toEqual(['expensive', 'dear', 'cheap']);
});

it('the recent cost is the sum of the charges, and decays to 37 % in the time of decay', () => {
  const { queue, clock } = createQueue<string>();
  expect(queue.recentCost('a')).toBe(0);
  queue.charge('a', 60);
  queue.charge('a', 40);
  expect(queue.recentCost('a')).toBeCloseTo(100);
  clock.now += DECAY_MS;
  queue.push('a', 'x');
  expect(queue.recentCost('a')).toBeCloseTo(100 / Math.E);
  clock.now += DECAY_MS;
  queue.shift();
  expect(queue.recentCost('a')).toBeCloseTo(100 / Math.E ** 2);
});

it('an item that may not start keeps its turn while others start', () => {
  const { queue } = createQueue<string>();
  for (const key of ['a', 'a', 'b', 'c']) queue.push(key, key);
  expect(queue.shiftWhere((key) => key !== 'a')).toBe('b');
  expect(queue.shiftWhere((key) => key === 'nobody')).toBeUndefined();
  expect([queue.shift(), queue.shift(), queue.shift(), queue.shift()]).toEqual(['a', 'c', 'a', undefined]);
});

it('forgets the costs of all but 10,000 keys without items, those charged least recently first', () => {
  const { queue } = createQueue<string>();
  for (let n = 0; n < 10_001; n += 1) queue.charge(`key${n}`, 10);
  expect(queue.recentCost('key0')).toBe(0);
  expect(queue.recentCost('key1')).toBe(10);
  expect(queue.recentCost('key10000')).toBe(10);
});

it('the work per operation does not grow with the number of items and keys', () => {
  /** Counts the times at which the clock is read and a key is examined: each operation does both a bounded number of times. */
  const examinations = (keyCount: number): number => {
    let count = 0;
    const queue = new FairQueue<number>({ quantumMs: 1, decayMs: 1000, now: () => (count += 1) });
    const examine = (): boolean => {
      count += 1;
      return true;
    };
    for (let n = 0; n < keyCount * 10; n += 1) queue.push(`key${n % keyCount}`, n);
    for (let n = 0; n < keyCount * 10; n += 1) {
      queue.shiftWhere(examine);
      queue.charge(`key${n % keyCount}`, 3);
    }
    return count / keyCount;
  };
  expect(examinations(2000)).toBeLessThanOrEqual(examinations(20) * 1.05);
});
