import { createCarried } from './carried.ts';
import type { Edit } from './edits.ts';

const edit = (key: string, second: number, value: unknown): Edit => ({
  key,
  value,
  stamp: `2026-11-22T10:00:0${second}.000Z-0000-aaaaa`,
});

function storage() {
  const items = new Map<string, string>();
  return {
    items,
    getItem: (key: string) => items.get(key) ?? null,
    setItem: (key: string, value: string) => void items.set(key, value),
    removeItem: (key: string) => void items.delete(key),
  };
}

test('what is carried is handed over, the later edit of each preference, and then forgotten', async () => {
  const place = storage();
  createCarried(place, 'a').add([edit('theme', 1, 'light'), edit('viewMode', 1, 'graph')]);
  createCarried(place, 'a').add([edit('theme', 2, 'dark')]);
  const given: unknown[] = [];
  await createCarried(place, 'a').handOver((edits) => Promise.resolve(given.push(...edits)));
  expect(given).toEqual([edit('viewMode', 1, 'graph'), edit('theme', 2, 'dark')]);
  expect(place.items.size).toBe(0);
});

test('what is added while others are handed over stays, and what could not be stored does', async () => {
  const place = storage();
  const carried = createCarried(place, 'a');
  carried.add([edit('theme', 1, 'light')]);
  await carried.handOver(async () => {
    carried.add([edit('viewMode', 2, 'graph')]);
    await Promise.resolve();
  });
  await expect(carried.handOver(() => Promise.reject(new Error('no room')))).rejects.toThrow('no room');
  const given: unknown[] = [];
  await carried.handOver((edits) => Promise.resolve(given.push(...edits)));
  expect(given).toContainEqual(edit('viewMode', 2, 'graph'));
});
