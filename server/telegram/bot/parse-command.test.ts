import fc from 'fast-check';
import {
  DEFAULT_PREFERENCES,
  preferencesPatchSchema,
  preferencesSchema,
} from '../../../couchdb-design/user-document/user-document.ts';
import { buttonData, parseButtonPress, buttonValuesOf } from './parse-button.ts';
import { isAddressedToBot, parseCommand } from './parse-command.ts';
import { SETTING_NAMES, TOPICS, USAGE } from './settings.ts';
import * as replies from './replies.ts';

const anyWord = fc.constantFrom(
  ...TOPICS,
  'on',
  'off',
  '07:30',
  '7:30',
  '24:00',
  'dark',
  'kanban',
  'UTC',
  '__proto__',
  '/',
);
/** Arbitrary texts, and texts that resemble commands. */
const anyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.oneof(anyWord, fc.string()), { maxLength: 4 }).map((parts) => `/${parts.join(' ')}`),
);

test('parses any text as a command, and every edit is a valid patch', () => {
  fc.assert(
    fc.property(anyText, (text) => {
      const command = parseCommand(text);
      if (command.kind === 'edit') {
        expect(Object.keys(command.patch)).not.toEqual([]);
        expect(preferencesPatchSchema.safeParse(command.patch).success).toBe(true);
      }
      if (command.kind === 'malformed') expect(replies.usageText(command.about).length).toBeGreaterThan(10);
    }),
    { numRuns: 2_000 },
  );
});

test('parses every example of the usage as the command it belongs to', () => {
  for (const topic of TOPICS) {
    for (const example of USAGE[topic].example.split(/, | or /)) {
      const command = parseCommand(example);
      expect(command.kind === 'edit' ? command.about : command.kind).toBe(topic);
    }
  }
});

test('parses the data of every button, and any other data is undefined or a valid patch', () => {
  const tag = fc.stringMatching(/^[A-Za-z0-9_-]{8}$/);
  fc.assert(
    fc.property(tag, fc.constantFrom(...SETTING_NAMES), fc.nat(), (link, about, pick) => {
      const values = buttonValuesOf(about);
      const data = buttonData(link, about, values[pick % values.length] ?? '');
      expect(Buffer.byteLength(data)).toBeLessThanOrEqual(64);
      const press = parseButtonPress(data);
      expect(press).toMatchObject({ tag: link, setting: about });
      expect(preferencesPatchSchema.safeParse(press?.patch).success).toBe(true);
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (data) => {
      const press = parseButtonPress(data);
      if (press !== undefined) expect(preferencesPatchSchema.safeParse(press.patch).success).toBe(true);
    }),
  );
});

test.each(['ä', '😀'])('the largest possible preferences fit into one message, in texts of %s', (character) => {
  const label = character.repeat(40);
  const all = Array<string>(30).fill(label);
  const preferences = preferencesSchema.required().parse({
    ...DEFAULT_PREFERENCES,
    ...{ tableColumns: all, selectedTags: all, selectedContexts: all, selectedStatus: all },
    timezone: `A${'b'.repeat(63)}`,
    filterPresets: Array(10).fill({ name: label }),
  });
  const { text, buttons = [] } = replies.preferencesReply('u'.repeat(64), preferences, 'AAAAAAAA');
  expect(text.length).toBeLessThanOrEqual(4_096);
  expect(buttons.flat().filter((button) => button.text.startsWith('✓'))).toHaveLength(SETTING_NAMES.length);
});

test('a time zone is accepted as by every interface, in its canonical spelling if it is known', () => {
  const edit = (timezone: string) => ({ kind: 'edit', about: 'timezone', patch: { timezone } });
  expect(parseCommand('/timezone europe/vienna')).toEqual(edit('Europe/Vienna'));
  expect(parseCommand('/timezone Japan')).toEqual(edit('Japan'));
  expect(parseCommand('/timezone Europe/Nowhere')).toEqual(edit('Europe/Nowhere'));
  for (const text of ['../etc', 'Europe/Vienna/', 'a b', 'A'.repeat(65)]) {
    expect(parseCommand(`/timezone ${text}`)).toEqual({ kind: 'malformed', about: 'timezone' });
  }
  const preferences = { ...DEFAULT_PREFERENCES, timezone: 'Europe/Nowhere' };
  expect(replies.formatSetting('timezone', preferences)).toMatch(/^Time zone: Europe\/Nowhere \(unknown here/);
});

test('the list of commands is within the limits of Telegram', () => {
  for (const { command, description } of replies.COMMANDS) {
    expect(command).toMatch(/^[a-z0-9_]{1,32}$/);
    expect(description.length).toBeLessThanOrEqual(256);
  }
});

test.each([
  ['/start', true],
  ['/start@Our_Bot x', true],
  ['/start@other_bot', false],
  ['hello', false],
  ['', false],
])('isAddressedToBot(%p) in a group returns %p', (text, isOurs) => {
  expect(isAddressedToBot(text, 'our_bot')).toBe(isOurs);
});
