/** Changes and values in words for a person. */
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
/** Whose values are words of the person's own, which may read like one of ours. */
const FREE_TEXT_KEYS: readonly string[] = ['timezone', 'briefingTime', 'recapTime'];

const formatList = (words: readonly string[]): string =>
  new Intl.ListFormat('en', { type: 'conjunction' }).format(words);

const itemName = (item: unknown): string =>
  typeof item === 'object' && item !== null && 'name' in item ? String(item.name) : String(item);

/** A value as it is called on the page, e.g. `Dark`, `on`, `home and garden`. */
export const formatValue = (key: string, value: unknown): string => {
  if (value === null || value === undefined) return 'the default';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.length === 0 ? 'empty' : formatList(value.map(itemName));
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return FREE_TEXT_KEYS.includes(key) ? text.replaceAll('_', ' ') : (VALUE_LABELS.get(value) ?? text);
};

/** What a list has gained or lost, when that is one thing. */
const describeListChange = ({ key, before, after }: ValueChange): string | undefined => {
  if (!Array.isArray(before) || !Array.isArray(after)) return undefined;
  const [had, has] = [before.map(itemName), after.map(itemName)];
  const added = has.filter((name) => !had.includes(name));
  const removed = had.filter((name) => !has.includes(name));
  const [one] = [...added, ...removed];
  if (one === undefined || added.length + removed.length !== 1) return undefined;
  return added.length === 1 ? `“${one}” added to ${LABELS[key]}` : `“${one}” removed from ${LABELS[key]}`;
};

const describeValueChange = (step: ValueChange): string => {
  if (typeof step.after === 'boolean') return `${LABELS[step.key]} turned ${formatValue(step.key, step.after)}`;
  if (Array.isArray(step.after) && step.after.length === 0) return `${LABELS[step.key]} cleared`;
  return (
    describeListChange(step) ?? (Array.isArray(step.after) ? `${LABELS[step.key]} changed` : describeAssignment(step))
  );
};
const describeAssignment = ({ key, after }: ValueChange): string =>
  `${LABELS[key]} changed to ${formatValue(key, after)}`;

const PLURAL_KEYS: readonly string[] = ['tableColumns', 'selectedTags', 'selectedContexts', 'filterPresets'];
const isPlural = (key: string): boolean => PLURAL_KEYS.includes(key);

const formatKeys = (change: Change): string => formatList(change.map(({ key }) => LABELS[key]));

/** A sentence: `Theme changed to Dark.` */
export const describeChange = (change: Change): string => {
  const [step, ...others] = change;
  if (step === undefined) return '';
  return others.length === 0 ? `${describeValueChange(step)}.` : `${formatKeys(change)} changed.`;
};

/** After an undo: `Theme is Light again.` */
export const describeUndo = (change: Change): string => {
  const [step, ...others] = change;
  if (step === undefined) return '';
  if (others.length > 0) return `${formatKeys(change)} restored.`;
  return Array.isArray(step.before)
    ? `${LABELS[step.key]} restored.`
    : `${LABELS[step.key]} is ${formatValue(step.key, step.before)} again.`;
};

/** A calm word on an edit that a later one of another device has replaced. */
export const describeSuperseded = (key: string, current: unknown): string =>
  `${labelOf(key)} ${isPlural(key) ? 'were' : 'was'} also changed on another device: now ${formatValue(key, current)}.`;
