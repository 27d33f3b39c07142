import { DEFAULT_PREFERENCES } from '../../../couchdb-design/user-document/preference-rules.ts';
import type { Patch, Shown } from '../store-types.ts';
import { changeOf, undoOf } from './change.ts';
import { changeText, supersededText, undoneText } from './describe-change.ts';

const shown = (own: Partial<Shown> = {}): Shown => ({ ...DEFAULT_PREFERENCES, ...own });
const after = (before: Shown, patch: Patch): Shown => ({
  ...before,
  ...Object.fromEntries(changeOf(before, patch).map(({ key, after: value }) => [key, value])),
});

test('an undo gives back the value from before', () => {
  const before = shown({ theme: 'light', selectedTags: ['home'] });
  const patches: readonly Patch[] = [
    { theme: 'dark' },
    { selectedTags: [] },
    { theme: null, selectedTags: ['a', 'b'] },
  ];
  for (const patch of patches) {
    const now = after(before, patch);
    const undo = undoOf(changeOf(before, patch), now) ?? {};
    expect(after(now, undo)).toEqual(before);
  }
});

test('what was not set before is removed, not set to the default', () => {
  const before = shown();
  const change = changeOf(before, { theme: 'dark', dailyBriefing: true });
  expect(undoOf(change, after(before, { theme: 'dark', dailyBriefing: true }))).toEqual({
    theme: null,
    dailyBriefing: null,
  });
});

test('an undo takes back nothing that was set to something else since', () => {
  const before = shown({ theme: 'light' });
  const change = changeOf(before, { theme: 'dark', viewMode: 'graph' });
  expect(undoOf(change, shown({ theme: 'system', viewMode: 'graph' }))).toEqual({ viewMode: null });
  expect(undoOf(change, shown({ theme: 'system', viewMode: 'table' }))).toBeUndefined();
});

test('what changes nothing is no change', () => {
  expect(changeOf(shown({ theme: 'dark' }), { theme: 'dark', viewMode: null })).toEqual([]);
});

const text = (own: Partial<Shown>, patch: Patch): string => changeText(changeOf(shown(own), patch));

test('a change is told in a sentence that names the preference and its value as the page does', () => {
  expect(text({}, { theme: 'dark' })).toBe('Theme changed to Dark.');
  expect(text({ theme: 'dark' }, { theme: null })).toBe('Theme changed to System.');
  expect(text({}, { dailyBriefing: true })).toBe('Daily briefing turned on.');
  expect(text({}, { timezone: 'America/New_York' })).toBe('Time zone changed to America/New York.');
  expect(text({ selectedTags: ['all'] }, { selectedTags: ['all', 'home'] })).toBe('“home” added to Tags.');
  expect(text({ selectedTags: ['all', 'home'] }, { selectedTags: ['home'] })).toBe('“all” removed from Tags.');
  expect(text({ selectedTags: ['a'] }, { selectedTags: [] })).toBe('Tags emptied.');
  expect(text({ tableColumns: ['a', 'b'] }, { tableColumns: ['b', 'a'] })).toBe('Table columns changed.');
  expect(text({}, { filterPresets: [{ name: 'Weekend' }] })).toBe('“Weekend” added to Saved filters.');
  expect(text({}, { selectedTags: ['a'], selectedTimeRange: 'week' })).toBe('Tags and Time range changed.');
});

test('an undo and a superseded edit are told likewise', () => {
  expect(undoneText(changeOf(shown({ theme: 'light' }), { theme: 'dark' }))).toBe('Theme is Light again.');
  expect(undoneText(changeOf(shown(), { selectedTags: ['a'] }))).toBe('Tags are as before.');
  expect(supersededText('theme', 'light')).toBe('Theme was also changed on another device: now Light.');
  expect(supersededText('tableColumns', ['Due', 'Owner'])).toBe(
    'Table columns were also changed on another device: now Due and Owner.',
  );
  expect(supersededText('somethingNew', null)).toBe(
    'somethingNew was also changed on another device: now the default.',
  );
});
