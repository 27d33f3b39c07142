import fc from 'fast-check';
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { nextEditStamp } from '../../couchdb-design/edit-stamp.ts';
import type { StoredBody } from '../platform/database.ts';
import { learn, readKept, updateKept } from './kept.ts';

PouchDB.plugin(memoryAdapter);

const stampAt = (now: number) => nextEditStamp({ now, device: 'aaaaa', seen: undefined });

test('what is learned never goes back, and is the same when there is nothing new in it', () => {
  const stamps = fc.dictionary(fc.constantFrom('theme', 'viewMode'), fc.nat(99).map(stampAt));
  fc.assert(
    fc.property(stamps, stamps, (before, more) => {
      const after = learn(before, more);
      for (const [key, stamp] of Object.entries({ ...before, ...more })) {
        expect(after[key]).toBe([before[key] ?? '', more[key] ?? '', stamp].toSorted().at(-1));
      }
      expect(learn(after, before)).toBe(after);
      expect(learn(after, more)).toBe(after);
    }),
  );
});

test('tabs that write at once all have their say, and nothing of it is a document that is replicated', async () => {
  const database = new PouchDB<StoredBody>('kept', { adapter: 'memory' });
  const edit = (n: number) => ({ key: `k${n}`, value: n, stamp: stampAt(n) });
  await Promise.all(
    Array.from({ length: 10 }, (_, n) =>
      updateKept(database, (kept) => ({
        ...kept,
        draft: [...kept.draft, edit(n)],
        known: { ...kept.known, [`k${n}`]: stampAt(n) },
      })),
    ),
  );
  const { draft, suspects, known } = await readKept(database);
  expect(draft.map(({ key }) => key).sort()).toEqual(Array.from({ length: 10 }, (_, n) => `k${n}`));
  expect(Object.keys(known)).toHaveLength(10);
  expect(suspects).toEqual([]);
  expect((await database.allDocs()).rows).toEqual([]);
});
