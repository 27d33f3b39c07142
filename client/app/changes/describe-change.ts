/** Sentences about changes and values. */
import { isolate } from '../isolate.ts';
import { LABELS, labelOf } from '../labels.ts';
import type { Change, ValueChange } from './change.ts';

const VALUE_LABELS: ReadonlyMap<unknown, string> = new Map<unknown, string>([
  ['light', 'Light'],
  ['dark', 'Dark'],
  ['system', 'System'],
  ['kanban', 'Kanban'],
  ['table', 'Table'],
  ['graph', 'Graph'],
  ['all', 'All'],
  ['today', 'Today'],
  ['week', 'Week'],
  ['month', 'Month'],
  ['quarter', 'Quarter'],
  ['year', 'Year'],
]);
/** Preferences with free text, which may equal the name of another value. */
const FREE_TEXT_KEYS: readonly string[] = ['timezone', 'briefingTime', 'recapTime'];

const formatList = (items: readonly string[]): string =>
  new Intl.ListFormat('en', { type: 'conjunction' }).format(items);

const itemName = (item: unknown): string =>
  typeof item === 'object' && item !== null && 'name' in item ? String(item.name) : String(item);

/** Returns a value as the page shows it, e.g. `Dark`, `on` or `home and garden`. */
export const formatValue = (key: string, value: unknown): string => {
  if (value === null || value === undefined) return 'the default';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value))
    return value.length === 0 ? 'empty' : formatList(value.map((item) => isolate(itemName(item))));
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return isolate(FREE_TEXT_KEYS.includes(key) ? text.replaceAll('_', ' ') : (VALUE_LABELS.get(value) ?? text));
};

/** Describes a list that has gained or lost exactly one item. Returns undefined for other changes. */
const describeListChange = ({ key, before, after }: ValueChange): string | undefined => {
  if (!Array.isArray(before) || !Array.isArray(after)) return undefined;
  const [oldNames, newNames] = [before.map(itemName), after.map(itemName)];
  const added = newNames.filter((name) => !oldNames.includes(name));
  const removed = oldNames.filter((name) => !newNames.includes(name));
  const [name] = [...added, ...removed];
  if (name === undefined || added.length + removed.length !== 1) return undefined;
  const shown = isolate(name);
  return added.length === 1 ? `“${shown}” added to ${LABELS[key]}` : `“${shown}” removed from ${LABELS[key]}`;
};

const describeValueChange = (change: ValueChange): string => {
  if (typeof change.after === 'boolean') return `${LABELS[change.key]} turned ${formatValue(change.key, change.after)}`;
  if (Array.isArray(change.after) && change.after.length === 0) return `${LABELS[change.key]} cleared`;
  return (
    describeListChange(change) ??
    (Array.isArray(change.after) ? `${LABELS[change.key]} changed` : describeAssignment(change))
  );
};
const describeAssignment = ({ key, after }: ValueChange): string =>
  `${LABELS[key]} changed to ${formatValue(key, after)}`;

const PLURAL_KEYS: readonly string[] = ['tableColumns', 'selectedTags', 'selectedContexts', 'filterPresets'];
const isPlural = (key: string): boolean => PLURAL_KEYS.includes(key);

const formatKeys = (change: Change): string => formatList(change.map(({ key }) => LABELS[key]));

/** Returns a sentence like `Theme changed to Dark.` */
export const describeChange = (change: Change): string => {
  const [first, ...others] = change;
  if (first === undefined) return '';
  return others.length === 0 ? `${describeValueChange(first)}.` : `${formatKeys(change)} changed.`;
};

/** Returns a sentence about an undo, like `Theme is Light again.` */
export const describeUndo = (change: Change): string => {
  const [first, ...others] = change;
  if (first === undefined) return '';
  if (others.length > 0) return `${formatKeys(change)} restored.`;
  return Array.isArray(first.before)
    ? `${LABELS[first.key]} restored.`
    : `${LABELS[first.key]} is ${formatValue(first.key, first.before)} again.`;
};

/** Returns a sentence about an edit that a later edit on another device has replaced. */
export const describeSuperseded = (key: string, current: unknown): string =>
  `${isolate(labelOf(key))} ${isPlural(key) ? 'were' : 'was'} also changed on another device: now ${formatValue(key, current)}.`;
