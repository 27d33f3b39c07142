import type { Environment } from '../platform/environment.ts';
import type { Edit } from './edits.ts';
import { openPendingEdits } from './pending-edits.ts';

const edit = (key: string, value: unknown, second: number): Edit => ({
  key,
  value,
  stamp: `2026-11-22T09:30:0${second}.000Z-0000-aaaaa`,
});
const [dark, light] = [edit('theme', 'dark', 1), edit('theme', 'light', 2)];

test('returns the last edit of each preference, regardless of the order in which they were added', () => {
  for (const edits of [
    [dark, light],
    [light, dark],
  ]) {
    const pending = openPendingEdits({ 'pouchgate:theme': 'dark' }, 'a:unsent:');
    pending.add([...edits, edit('constructor', 'x', 3)]);
    expect(pending.read()).toEqual([light, edit('constructor', 'x', 3)]);
  }
});

test('removing the last edit of a preference leaves the one before it', () => {
  const pending = openPendingEdits({}, 'a:');
  pending.add([dark, light]);
  expect(pending.remove(({ stamp }) => stamp === light.stamp)).toBe(true);
  expect(pending.read()).toEqual([dark]);
  expect(pending.remove(({ stamp }) => stamp === light.stamp)).toBe(false);
});

test('an edit added again as a suspect is one edit', () => {
  const storage = {};
  const pending = openPendingEdits(storage, 'a:');
  pending.add([dark]);
  pending.add([{ ...dark, isSuspect: true }]);
  expect(pending.read()).toEqual([{ ...dark, isSuspect: true }]);
  expect(Object.keys(storage)).toHaveLength(1);
});

test('a tab does not remove an edit of another tab that it has not seen yet', () => {
  const storage: Environment['storage'] = {};
  openPendingEdits(storage, 'a:').add([dark]);
  const visibleKeys = Object.keys(storage);
  const stale = openPendingEdits(new Proxy(storage, { ownKeys: () => visibleKeys }), 'a:');
  openPendingEdits(storage, 'a:').add([light]);
  expect(stale.read()).toEqual([dark]);
  stale.remove(() => true);
  expect(openPendingEdits(storage, 'a:').read()).toEqual([light]);
});

test('a damaged item, and one that was removed while it was read, are ignored', () => {
  const storage: Environment['storage'] = { 'a:1': '{', 'a:2': '' };
  const keys = ['a:1', 'a:2', 'a:removed'];
  const pending = openPendingEdits(
    new Proxy(storage, {
      ownKeys: () => keys,
      getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    }),
    'a:',
  );
  expect(pending.read()).toEqual([]);
});

test('an edit that the storage does not remove does not count as removed at each call', () => {
  const storage: Environment['storage'] = {};
  openPendingEdits(storage, 'a:').add([dark]);
  const stuck = new Proxy(storage, {
    deleteProperty: () => {
      throw new DOMException('No.', 'SecurityError');
    },
  });
  expect(openPendingEdits(stuck, 'a:').remove(() => true)).toBe(false);
});
