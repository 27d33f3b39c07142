/** What the inspector shows, in words and in short forms. */
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

/** `7-3fa9c21` of a revision's 32 digits: enough to tell apart those of one document. */
export const shortenRevision = (rev: string): string => {
  const [generation = '', id = ''] = rev.split('-', 2);
  return `${generation}-${id.slice(0, 7)}`;
};

const EDIT_SOURCE_LABELS: Readonly<Record<EditSource, string>> = {
  rest: 'via REST',
  telegram: 'via Telegram',
  'command line': 'via the command line',
  application: 'via the application',
};

/** Who made an edit: this device, another one by its name, or a door that is no device. */
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

/** An edit stamp as its time and who made it; what is no stamp is shown as it is. */
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
  ['interrupted', 'The connection was lost'],
  ['sign-in-needed', 'The server requires a new sign-in'],
  ['unsent', 'The number of unsent edits changed'],
  ['refused', 'The server refused an edit'],
  ['dismissed', 'The message about a refused edit was dismissed'],
  ['remembered', 'The time of the last sync was read from storage'],
  ['led', 'The leading tab sent its status'],
]);

/** What happened, as a sentence; a word that is not known yet is shown as it is. */
export const describeEvent = (text: string): string => EVENT_DESCRIPTIONS.get(text) ?? text;

export interface EventGroup {
  /** Of the last one, in ms since 1970. */
  readonly at: number;
  readonly text: string;
  /** How many of the same came one after the other. */
  readonly count: number;
}

/** The events, newest first, with the same ones in a row told once. */
export const groupEvents = (
  events: readonly { readonly at: number; readonly text: string }[],
): readonly EventGroup[] => {
  const lines: EventGroup[] = [];
  for (const { at, text } of events) {
    const last = lines[0];
    if (last?.text === describeEvent(text)) lines[0] = { ...last, at, count: last.count + 1 };
    else lines.unshift({ at, text: describeEvent(text), count: 1 });
  }
  return lines;
};
