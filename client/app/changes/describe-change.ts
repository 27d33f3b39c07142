/** Changes and values in words for a person. */
import { LABELS, labelOf } from '../labels.ts';
import type { Change, Step } from './change.ts';

const CHOICES: ReadonlyMap<unknown, string> = new Map<unknown, string>([
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
const OWN_WORDS: readonly string[] = ['timezone', 'briefingTime', 'recapTime'];

const listed = (words: readonly string[]): string => new Intl.ListFormat('en', { type: 'conjunction' }).format(words);

const nameOf = (item: unknown): string =>
  typeof item === 'object' && item !== null && 'name' in item ? String(item.name) : String(item);

/** A value as it is called on the page, e.g. `Dark`, `on`, `home and garden`. */
export const valueText = (key: string, value: unknown): string => {
  if (value === null || value === undefined) return 'the default';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  if (Array.isArray(value)) return value.length === 0 ? 'empty' : listed(value.map(nameOf));
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return OWN_WORDS.includes(key) ? text.replaceAll('_', ' ') : (CHOICES.get(value) ?? text);
};

/** What a list has gained or lost, when that is one thing. */
const listText = ({ key, before, after }: Step): string | undefined => {
  if (!Array.isArray(before) || !Array.isArray(after)) return undefined;
  const [had, has] = [before.map(nameOf), after.map(nameOf)];
  const added = has.filter((name) => !had.includes(name));
  const removed = had.filter((name) => !has.includes(name));
  const [one] = [...added, ...removed];
  if (one === undefined || added.length + removed.length !== 1) return undefined;
  return added.length === 1 ? `“${one}” added to ${LABELS[key]}` : `“${one}” removed from ${LABELS[key]}`;
};

const stepText = (step: Step): string => {
  if (typeof step.after === 'boolean') return `${LABELS[step.key]} turned ${valueText(step.key, step.after)}`;
  if (Array.isArray(step.after) && step.after.length === 0) return `${LABELS[step.key]} emptied`;
  return listText(step) ?? (Array.isArray(step.after) ? `${LABELS[step.key]} changed` : setText(step));
};
const setText = ({ key, after }: Step): string => `${LABELS[key]} changed to ${valueText(key, after)}`;

const PLURALS: readonly string[] = ['tableColumns', 'selectedTags', 'selectedContexts', 'filterPresets'];
const isMany = (key: string): boolean => PLURALS.includes(key);

const keysText = (change: Change): string => listed(change.map(({ key }) => LABELS[key]));

/** A sentence: `Theme changed to Dark.` */
export const changeText = (change: Change): string => {
  const [step, ...others] = change;
  if (step === undefined) return '';
  return others.length === 0 ? `${stepText(step)}.` : `${keysText(change)} changed.`;
};

/** After an undo: `Theme is Light again.` */
export const undoneText = (change: Change): string => {
  const [step, ...others] = change;
  if (step === undefined) return '';
  if (others.length > 0) return `${keysText(change)} are as before.`;
  return Array.isArray(step.before)
    ? `${LABELS[step.key]} ${isMany(step.key) ? 'are' : 'is'} as before.`
    : `${LABELS[step.key]} is ${valueText(step.key, step.before)} again.`;
};

/** A calm word on an edit that a later one of another device has replaced. */
export const supersededText = (key: string, current: unknown): string =>
  `${labelOf(key)} ${isMany(key) ? 'were' : 'was'} also changed on another device: now ${valueText(key, current)}.`;
