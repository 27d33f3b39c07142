/**
 * fast-check arbitraries of names, stamps, preferences and documents. Stamps and values come from small ranges, so that
 * equal ones are frequent: that is where a merge can fail.
 */
import fc from 'fast-check';
import { nextEditStamp, type EditStamp } from '../user-document/edit-stamp.ts';
import type { Preferences } from '../user-document/preference-rules.ts';
import { preferencesSchema } from '../user-document/preferences.ts';
import type { UserDocument } from '../user-document/user-document-shape.ts';
import { encodeSubject, parseUsername, userDocumentId, type Username } from '../user-document/username.ts';

export const PREFERENCE_KEYS = preferencesSchema.keyof().options;

/** Returns a valid username. Throws when it is invalid. */
export const toUsername = (text: string): Username => {
  const parsed = parseUsername(text);
  if (parsed === undefined) throw new Error(`not a username: ${text}`);
  return parsed;
};

/** Returns the username of a subject. Throws when it is no subject. */
export const usernameOf = (subject: string): Username => {
  const username = encodeSubject(subject);
  if (username === undefined) throw new Error(`not a subject: ${JSON.stringify(subject)}`);
  return username;
};

export const anyAccountName = fc.stringMatching(/^[a-z0-9][a-z0-9_.@+-]{0,63}$/).map(toUsername);

/** In code points. */
export const MAX_SUBJECT_LENGTH = 255;

const anyCharacter = fc.oneof(
  fc.constantFrom(...Array.from('azAZ09=|/%?#: \n\u0000\u007f\u0080\u07ff\u0800\ufffd\uffff\u{10000}\u{10ffff}')),
  fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
);
const anyText = (size: 'small' | 'max'): fc.Arbitrary<string> =>
  fc
    .array(anyCharacter, { minLength: 1, maxLength: MAX_SUBJECT_LENGTH, size })
    .map((characters) => characters.join(''));

/** Any subject of an identity provider. Characters around the borders of the encoding and of UTF-8 are frequent. */
export const anySubject = fc.oneof(
  { weight: 9, arbitrary: anyText('small') },
  { weight: 1, arbitrary: anyText('max') },
);

/** The username of an account, or of a subject of an identity provider. */
export const anyUsername = fc.oneof(anyAccountName, anySubject.map(usernameOf));

export const anyDevice = fc.constantFrom('aaaaa', 'w7f3a', '00000', 'zzzzz');

export const anyTime = fc.oneof(
  fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2026, 0) + 3 }),
  fc.integer({ min: 0, max: Date.UTC(9999, 0) - 1 }),
);

export const anyStamp: fc.Arbitrary<EditStamp> = fc
  .record({ now: anyTime, device: anyDevice })
  .map(({ now, device }) => nextEditStamp({ now, device, seen: undefined }));

const anyTimeOfDay = fc.constantFrom('00:00', '07:30', '23:59');
const anyLabel = fc.constantFrom('a', 'b', 'ä"\\', '日本', '😀', '__proto__');
const anyLabels = fc.array(anyLabel, { maxLength: 3 });
const anyTimeRange = fc.constantFrom('all' as const, 'today' as const, 'year' as const);

export const anyPreferences: fc.Arbitrary<Preferences> = fc.record(
  {
    theme: fc.constantFrom('light' as const, 'dark' as const, 'system' as const),
    viewMode: fc.constantFrom('kanban' as const, 'table' as const, 'graph' as const),
    tableColumns: anyLabels,
    activitySidebarOpen: fc.boolean(),
    dailyBriefing: fc.boolean(),
    briefingTime: anyTimeOfDay,
    dailyRecap: fc.boolean(),
    recapTime: anyTimeOfDay,
    timezone: fc.constantFrom('UTC', 'Europe/Vienna', 'America/Argentina/Buenos_Aires', 'Etc/GMT+5'),
    selectedTags: anyLabels,
    selectedContexts: anyLabels,
    selectedStatus: anyLabels,
    selectedTimeRange: anyTimeRange,
    filterPresets: fc.array(fc.record({ name: anyLabel, selectedTags: anyLabels }, { requiredKeys: ['name'] }), {
      maxLength: 2,
    }),
  },
  { requiredKeys: [] },
);

/** A patch of new values and some removals. */
export const anyPatch = fc
  .record({ values: anyPreferences, removed: fc.subarray([...PREFERENCE_KEYS], { maxLength: 3 }) })
  .map(({ values, removed }) => ({ ...values, ...Object.fromEntries(removed.map((key) => [key, null])) }));

const anyIsoTime = anyTime.map((ms) => new Date(ms).toISOString());

/** Any revision of one user's document: stamped and unstamped values, removals, and members in any order. */
export const anyDocumentOf = (name: Username): fc.Arbitrary<UserDocument> =>
  fc
    .record({
      preferences: anyPreferences,
      edits: fc.dictionary(fc.constantFrom(...PREFERENCE_KEYS), anyStamp),
      created_at: anyIsoTime,
      updated_at: anyIsoTime,
      backwards: fc.boolean(),
    })
    .map(({ backwards, edits, ...rest }) => {
      const document = {
        _id: userDocumentId(name),
        type: 'user_preferences' as const,
        version: 1 as const,
        username: name,
        // A fast-check dictionary may have no prototype, unlike any parsed JSON.
        edits: { ...edits },
        ...rest,
      };
      return backwards ? reverseMembers(document) : document;
    });

const reverseMembers = (document: UserDocument): UserDocument => ({
  ...(Object.fromEntries(Object.entries(document).reverse()) as unknown as UserDocument),
  preferences: Object.fromEntries(Object.entries(document.preferences).reverse()),
});
