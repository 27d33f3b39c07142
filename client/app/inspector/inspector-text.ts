/** The texts of the inspector. */
import { editSourceOf, type EditSource } from '../../../couchdb-design/user-document/edit-sources.ts';
import { parseEditStamp } from '../../../couchdb-design/user-document/edit-stamp.ts';

const timeFormat = new Intl.DateTimeFormat('en-GB', {
  day: 'numeric',
  month: 'short',
  hour: '2-digit',
  minute: '2-digit',
  second: '2-digit',
  fractionalSecondDigits: 3,
});
export const formatTime = (time: number): string => timeFormat.format(time);

/** Returns a revision with 7 of its 32 digits, e.g. `7-3fa9c21`: enough to distinguish those of one document. */
export const shortenRevision = (rev: string): string => {
  const [generation = '', id = ''] = rev.split('-', 2);
  return `${generation}-${id.slice(0, 7)}`;
};

const EDIT_SOURCE_LABELS: Readonly<Record<EditSource, string>> = {
  rest: 'via REST',
  telegram: 'via Telegram',
  'command line': 'via the command line',
  application: 'via the application',
  import: 'imported',
};

/** Returns what made an edit: this device, another one by its name, or an interface that is not a device. */
const describeAuthor = (stamp: string, device: string, isThisDevice: boolean): string => {
  const source = editSourceOf(stamp);
  if (source !== undefined && source !== 'device') return EDIT_SOURCE_LABELS[source];
  return isThisDevice ? 'this device' : device;
};

export interface FormattedStamp {
  readonly time: string;
  readonly device: string;
  readonly isThisDevice: boolean;
}

/** Formats an edit stamp as its time and author. Other text is returned unchanged as the time. */
export const formatStamp = (stamp: string, thisDevice: string): FormattedStamp => {
  const parts = parseEditStamp(stamp);
  if (parts === undefined) return { time: stamp, device: '', isThisDevice: false };
  const isThisDevice = parts.device === thisDevice;
  return { time: formatTime(parts.time), device: describeAuthor(stamp, parts.device, isThisDevice), isThisDevice };
};

const EVENT_DESCRIPTIONS: ReadonlyMap<string, string> = new Map([
  ['begun', 'Connecting to the server'],
  ['answered', 'The server responded'],
  ['caught-up', 'In sync with the server'],
  ['interrupted', 'There is no connection'],
  ['sign-in-needed', 'A new sign-in is needed'],
  ['unsent', 'The number of unsent edits changed'],
  ['refused', 'The server refused an edit'],
  ['dismissed', 'The message about a refused edit was dismissed'],
  ['clock', 'The difference between this device’s clock and the server’s was measured'],
  ['remembered', 'The time of the last sync was read from storage'],
  ['led', 'The leading tab sent its status'],
]);

/** Returns a description of an event, with its reason if it has one, or `text` itself if the event is unknown. */
export const describeEvent = (text: string): string => {
  const [event = '', reason] = text.split(': ', 2);
  const description = EVENT_DESCRIPTIONS.get(event);
  if (description === undefined) return text;
  return reason === undefined ? description : `${description} (${reason})`;
};

export interface EventGroup {
  /** The time of the latest event, in ms since 1970. */
  readonly at: number;
  readonly text: string;
  /** The number of equal consecutive events. */
  readonly count: number;
}

/** Returns the events, newest first, with equal consecutive ones grouped. */
export const groupEvents = (
  events: readonly { readonly at: number; readonly text: string }[],
): readonly EventGroup[] => {
  const groups: EventGroup[] = [];
  for (const { at, text } of events) {
    const latest = groups[0];
    if (latest?.text === describeEvent(text)) groups[0] = { ...latest, at, count: latest.count + 1 };
    else groups.unshift({ at, text: describeEvent(text), count: 1 });
  }
  return groups;
};
