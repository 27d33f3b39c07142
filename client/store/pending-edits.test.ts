import type { Environment } from '../platform/environment.ts';
import type { Edit } from './edits.ts';
import { openPendingEdits } from './pending-edits.ts';

const edit = (key: string, value: unknown, second: number): Edit => ({
  key,
  value,
  stamp: `2026-11-22T09:30:0${second}.000Z-0000-aaaaa`,
});
const [dark, light] = [edit('theme', 'dark', 1), edit('theme', 'light', 2)];

test('the last edit of each preference is read, whatever was noted first', () => {
  for (const edits of [
    [dark, light],
    [light, dark],
  ]) {
    const unsent = openPendingEdits({ 'pouchgate:theme': 'dark' }, 'a:unsent:');
    unsent.add([...edits, edit('constructor', 'x', 3)]);
    expect(unsent.read()).toEqual([light, edit('constructor', 'x', 3)]);
  }
});

test('when the last one is dropped the one before it is there', () => {
  const unsent = openPendingEdits({}, 'a:');
  unsent.add([dark, light]);
  expect(unsent.remove(({ stamp }) => stamp === light.stamp)).toBe(true);
  expect(unsent.read()).toEqual([dark]);
  expect(unsent.remove(({ stamp }) => stamp === light.stamp)).toBe(false);
});

test('an edit that is noted again, as a suspect, is one edit', () => {
  const storage = {};
  const unsent = openPendingEdits(storage, 'a:');
  unsent.add([dark]);
  unsent.add([{ ...dark, isSuspect: true }]);
  expect(unsent.read()).toEqual([{ ...dark, isSuspect: true }]);
  expect(Object.keys(storage)).toHaveLength(1);
});

test('a tab that does not see yet what another has noted does not take it away', () => {
  const storage: Environment['storage'] = {};
  openPendingEdits(storage, 'a:').add([dark]);
  const seen = Object.keys(storage);
  const stale = openPendingEdits(new Proxy(storage, { ownKeys: () => seen }), 'a:');
  openPendingEdits(storage, 'a:').add([light]);
  expect(stale.read()).toEqual([dark]);
  stale.remove(() => true);
  expect(openPendingEdits(storage, 'a:').read()).toEqual([light]);
});
