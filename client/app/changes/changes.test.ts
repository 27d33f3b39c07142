import { DEFAULT_PREFERENCES } from '../../../couchdb-design/user-document/default-preferences.ts';
import type { Patch, PreferenceValues } from '../store-types.ts';
import { createChange, createUndoPatch } from './change.ts';
import { describeChange, describeSuperseded, describeUndo } from './describe-change.ts';

const preferencesWith = (values: Partial<PreferenceValues> = {}): PreferenceValues => ({
  ...DEFAULT_PREFERENCES,
  ...values,
});
const applyPatch = (before: PreferenceValues, patch: Patch): PreferenceValues => ({
  ...before,
  ...Object.fromEntries(createChange(before, patch).map(({ key, after: value }) => [key, value])),
});

test('an undo restores the previous values', () => {
  const before = preferencesWith({ theme: 'light', selectedTags: ['home'] });
  const patches: readonly Patch[] = [
    { theme: 'dark' },
    { selectedTags: [] },
    { theme: null, selectedTags: ['a', 'b'] },
  ];
  for (const patch of patches) {
    const now = applyPatch(before, patch);
    const undo = createUndoPatch(createChange(before, patch), now) ?? {};
    expect(applyPatch(now, undo)).toEqual(before);
  }
});

test('an undo removes a value that was not set before, and does not set it to the default', () => {
  const before = preferencesWith();
  const change = createChange(before, { theme: 'dark', dailyBriefing: true });
  expect(createUndoPatch(change, applyPatch(before, { theme: 'dark', dailyBriefing: true }))).toEqual({
    theme: null,
    dailyBriefing: null,
  });
});

test('an undo keeps values that were changed since', () => {
  const before = preferencesWith({ theme: 'light' });
  const change = createChange(before, { theme: 'dark', viewMode: 'graph' });
  expect(createUndoPatch(change, preferencesWith({ theme: 'system', viewMode: 'graph' }))).toEqual({ viewMode: null });
  expect(createUndoPatch(change, preferencesWith({ theme: 'system', viewMode: 'table' }))).toBeUndefined();
});

test('a patch that changes nothing gives an empty change', () => {
  expect(createChange(preferencesWith({ theme: 'dark' }), { theme: 'dark', viewMode: null })).toEqual([]);
});

const describePatch = (values: Partial<PreferenceValues>, patch: Patch): string =>
  describeChange(createChange(preferencesWith(values), patch));

test('describes a change in a sentence with the labels of the page', () => {
  expect(describePatch({}, { theme: 'dark' })).toBe('Theme changed to Dark.');
  expect(describePatch({ theme: 'dark' }, { theme: null })).toBe('Theme changed to System.');
  expect(describePatch({}, { dailyBriefing: true })).toBe('Daily briefing turned on.');
  expect(describePatch({}, { timezone: 'America/New_York' })).toBe('Time zone changed to America/New York.');
  expect(describePatch({ selectedTags: ['all'] }, { selectedTags: ['all', 'home'] })).toBe('“home” added to Tags.');
  expect(describePatch({ selectedTags: ['all', 'home'] }, { selectedTags: ['home'] })).toBe('“all” removed from Tags.');
  expect(describePatch({ selectedTags: ['a'] }, { selectedTags: [] })).toBe('Tags cleared.');
  expect(describePatch({ tableColumns: ['a', 'b'] }, { tableColumns: ['b', 'a'] })).toBe('Table columns changed.');
  expect(describePatch({}, { filterPresets: [{ name: 'Weekend' }] })).toBe('“Weekend” added to Saved filters.');
  expect(describePatch({}, { selectedTags: ['a'], selectedTimeRange: 'week' })).toBe('Tags and Time range changed.');
});

test('text from another device does not reorder the rest of a sentence', () => {
  const tag = '\u202egarden';
  expect(describePatch({}, { selectedTags: [tag] })).toBe('“\u2068garden\u2069” added to Tags.');
  expect(describeSuperseded('selectedTags', [tag, 'home'])).toBe(
    'Tags were also changed on another device: now \u2068garden\u2069 and home.',
  );
});

test('describes an undo and a superseded edit with the same labels', () => {
  expect(describeUndo(createChange(preferencesWith({ theme: 'light' }), { theme: 'dark' }))).toBe(
    'Theme is Light again.',
  );
  expect(describeUndo(createChange(preferencesWith(), { selectedTags: ['a'] }))).toBe('Tags restored.');
  expect(describeSuperseded('theme', 'light')).toBe('Theme was also changed on another device: now Light.');
  expect(describeSuperseded('tableColumns', ['Due', 'Owner'])).toBe(
    'Table columns were also changed on another device: now Due and Owner.',
  );
  expect(describeSuperseded('somethingNew', null)).toBe(
    'somethingNew was also changed on another device: now the default.',
  );
});
