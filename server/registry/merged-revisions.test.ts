import fc from 'fast-check';
import { connect } from '../upstream/client.ts';
import { FairSlots } from '../upstream/fair-slots.ts';
import { toUsername } from '../../couchdb-design/testing/arbitraries.ts';
import { startTestUpstream, type TestUpstream } from '../testing/test-database.ts';
import { addMerged, MergedRevisions, refreshMerged, parseMerged, type Merged } from './merged-revisions.ts';

const rev = (generation: number, n: number): string => `${generation}-${n.toString(16).padStart(32, '0')}`;
const path = (generation: number): [string, ...string[]] => [
  rev(generation, 0),
  ...Array.from({ length: generation - 1 }, (_, index) => rev(generation - 1 - index, 0)),
];

describe('what was merged', () => {
  it('is kept while the path has the revision that contains it', () => {
    const first = addMerged(undefined, [rev(2, 1)], path(3));
    const second = addMerged(first, [rev(2, 2)], path(5));
    expect(second).toEqual({ into: rev(5, 0), revisions: [rev(2, 1), rev(2, 2)] });
    expect(addMerged(second, [rev(2, 1)], path(5))).toBe(second);
    // Another history, such as that of a restored backup, or one that no longer reaches back to it.
    expect(addMerged(second, [rev(2, 3)], [rev(9, 9), rev(8, 9)])).toEqual({ into: rev(9, 9), revisions: [rev(2, 3)] });
  });

  it('is bounded: the earliest is dropped', () => {
    const many = Array.from({ length: 1_000 }, (_, n) => rev(2, n + 1));
    const merged = addMerged(addMerged(undefined, many, path(3)), [rev(2, 5_000)], path(4));
    expect([merged.revisions.length, merged.revisions[0], merged.revisions.at(-1)]).toEqual([
      1_000,
      rev(2, 2),
      rev(2, 5_000),
    ]);
  });

  it('is not forgotten while a device lists it, however much is merged that none lists any more', () => {
    fc.assert(
      fc.property(fc.array(fc.nat(8), { minLength: 150, maxLength: 300 }), (othersPerPush) => {
        const listed: string[] = [];
        let merged = addMerged(undefined, [rev(2, 0)], path(3));
        let [count, writes] = [0, 0];
        for (const others of othersPerPush) {
          const refreshed = refreshMerged(merged, listed);
          if (refreshed !== merged) writes += 1;
          merged = refreshed;
          const contained = new Set(merged.revisions);
          expect(listed.filter((revision) => !contained.has(revision))).toEqual([]);
          const added = Array.from({ length: others + 1 }, () => rev(2, (count += 1)));
          listed.push(...added.slice(0, 1));
          merged = addMerged(merged, added, path(3));
        }
        expect(writes).toBeLessThan(othersPerPush.length / 20);
      }),
      { numRuns: 20 },
    );
  });

  it('stays as it is while everything that is listed is recent', () => {
    const merged = addMerged(undefined, [rev(2, 1), rev(2, 2)], path(3));
    expect(refreshMerged(merged, [rev(2, 1)])).toBe(merged);
  });

  it('is parsed from any stored value', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.record({ into: fc.anything(), revisions: fc.anything() })), (value) => {
        const parsed = parseMerged(value);
        expect(parsed === undefined || parsed.revisions.every((item) => typeof item === 'string')).toBe(true);
      }),
    );
    const merged: Merged = { into: rev(3, 0), revisions: [rev(2, 1)] };
    expect(parseMerged({ ...merged, _rev: '0-1' })).toEqual(merged);
  });
});

describe('in the database', () => {
  let upstream: TestUpstream;
  beforeAll(async () => {
    upstream = await startTestUpstream();
    await connect(upstream.access).db.create(upstream.names.registry);
  });
  afterAll(() => upstream.close());

  it('each user has their own, and two gates that add at once both succeed', async () => {
    const slots = new FairSlots({ slots: 1 });
    const [one, other] = [0, 1].map(
      () => new MergedRevisions(connect(upstream.access), upstream.names.registry, slots),
    );
    if (one === undefined || other === undefined) throw new Error('two gates');
    const [alice, bob] = [toUsername('alice'), toUsername('bob')];
    expect(await one.read(alice)).toBeUndefined();
    await Promise.all([one.add(alice, [rev(2, 1)], path(3)), other.add(alice, [rev(2, 2)], path(3))]);
    await one.add(alice, [rev(2, 1), rev(2, 2)], path(4));
    expect(await other.read(alice)).toEqual({
      into: rev(4, 0),
      revisions: expect.arrayContaining([rev(2, 1), rev(2, 2)]) as unknown,
    });
    await one.refresh(alice, [rev(2, 1)]);
    await one.refresh(bob, [rev(2, 1)]);
    expect(await one.read(bob)).toBeUndefined();
  });
});
