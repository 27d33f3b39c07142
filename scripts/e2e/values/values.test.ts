/**
 * Every interface accepts and rejects the same values: the library, replication, REST, the application, the users command, and
 * the bot where a message can express the value. None fails on any.
 *
 *     VALUES=5000 VALUES_SEED=7 npx jest scripts/e2e/values
 */
import { join } from 'node:path';
import fc from 'fast-check';
import type { z } from 'zod';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import {
  createPreferenceSchema,
  type PreferenceSchema,
} from '../../../couchdb-design/user-document/preference-schema.ts';
import { preferencesStandardSchema } from '../../../couchdb-design/user-document/preferences-standard-schema.ts';
import { startFakeTelegramApi, type FakeTelegramApi } from '../../../server/testing/fake-telegram-api.ts';
import { runUsersCommand } from '../../../server/testing/run-users-command.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import type { SchemaOptions } from '../../../client/index.ts';
import { mountGate, type MountedGate } from '../testing/mounted-gate.ts';
import * as custom from './testing/custom-preferences.ts';
import {
  createApplicationEditor,
  createCommandEditor,
  createLibraryEditor,
  createPatchEditor,
  createPutEditor,
  createReplicationEditor,
  type Editor,
} from './testing/editors.ts';
import { botValue, builtInValue, customValue, type GeneratedValue } from './testing/generated-values.ts';
import { runSequence, type SequenceResult } from './testing/run-values.ts';

const COUNT = Number(process.env['VALUES'] ?? 250);
const SEED = Number(process.env['VALUES_SEED'] ?? Date.now() % 2 ** 31);
const VALUES_PER_DOCUMENT = 20;
const CONCURRENCY = 3;

let api: FakeTelegramApi;
let standalone: TestGate;
let builtIn: MountedGate;
let application: MountedGate;
beforeAll(async () => {
  api = await startFakeTelegramApi();
  standalone = await startTestGate({ TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.apiRoot() });
  builtIn = await mountGate(standalone.upstream);
  application = await mountGate(standalone.upstream, custom as object as { readonly schema: z.ZodObject });
});
afterAll(async () => {
  await Promise.all([builtIn.close(), application.close()]);
  await standalone.close();
  await api.close();
});

interface Setting {
  readonly gate: MountedGate;
  readonly schema: PreferenceSchema;
  /** Of the library; undefined for the built-in one. */
  readonly options: SchemaOptions<object, object> | undefined;
  readonly modulePath: string;
}

let documents = 0;

/** Submits the values to all interfaces, on new documents. */
async function submit(
  values: readonly GeneratedValue[],
  { gate, schema, options, modulePath }: Setting,
): Promise<SequenceResult> {
  documents += 1;
  // All names have one length, so that all documents have one size.
  const nameOf = (letter: string): string =>
    standalone.upstream.accountName(`${letter}${String(documents).padStart(6, '0')}`);
  const env = { ...standalone.upstream.env(), JWT_SECRET: 'a secret for tests, and for nothing else at all' };
  const runCommand = (...argv: readonly string[]) => runUsersCommand({ ...env, PREFERENCES_MODULE: modulePath }, argv);
  const restOf = (username: string) => ({ url: gate.url, token: username, username });
  const [patched, put, edited, replicated, commanded] = ['a', 'b', 'c', 'd', 'e'].map(nameOf) as [
    string,
    string,
    string,
    string,
    string,
  ];
  const reference = await createLibraryEditor(nameOf('l'), options);
  // The command refuses users that do not exist.
  await gate.pouchgate.read(commanded);
  const editors: readonly Editor[] = [
    createPatchEditor(restOf(patched)),
    createPutEditor(restOf(put)),
    createApplicationEditor(gate, edited),
    await createReplicationEditor(gate.registryUrl, replicated, replicated),
    createCommandEditor(commanded, runCommand, (key, text) => schema.findViolation(key, text) === undefined),
  ];
  try {
    return await runSequence(values, {
      reference,
      editors,
      substitute: ({ username }) => createPutEditor(restOf(username)),
      readStored: (username) => standalone.registry().get(`user_${username}`),
    });
  } finally {
    await reference.close();
  }
}

/** Submits generated values in groups, some at once. */
async function submitAll(
  arbitrary: fc.Arbitrary<GeneratedValue>,
  count: number,
  setting: Setting,
): Promise<SequenceResult> {
  const values = fc.sample(arbitrary, { seed: SEED, numRuns: count });
  const groups = Array.from({ length: Math.ceil(count / VALUES_PER_DOCUMENT) }, (_, index) =>
    values.slice(index * VALUES_PER_DOCUMENT, (index + 1) * VALUES_PER_DOCUMENT),
  );
  const results: SequenceResult[] = [];
  const iterator = groups.values();
  const work = async (): Promise<void> => {
    for (const group of iterator) results.push(await submit(group, setting));
  };
  await Promise.all(Array.from({ length: CONCURRENCY }, work));
  return {
    disagreements: results.flatMap(({ disagreements }) => disagreements),
    failures: results.flatMap(({ failures }) => failures),
    decisions: results.reduce((sum, { decisions }) => sum + decisions, 0),
    accepted: results.reduce((sum, { accepted }) => sum + accepted, 0),
  };
}

const settings = {
  'built-in': (): Setting => ({
    gate: builtIn,
    schema: createPreferenceSchema(preferencesStandardSchema),
    options: undefined,
    modulePath: '',
  }),
  custom: (): Setting => ({
    gate: application,
    schema: createPreferenceSchema(custom.schema),
    options: custom,
    modulePath: join(import.meta.dirname, 'testing/custom-preferences.ts'),
  }),
};

test.each([
  ['built-in', builtInValue],
  ['custom', customValue],
] as const)(
  `every interface decides alike on ${COUNT / 2} values, and none fails: the %s schema`,
  async (name, arbitrary) => {
    const { disagreements, failures, decisions, accepted } = await submitAll(arbitrary, COUNT / 2, settings[name]());
    expect({ seed: SEED, disagreements: disagreements.slice(0, 5), failures: failures.slice(0, 5) }).toEqual({
      seed: SEED,
      disagreements: [],
      failures: [],
    });
    // Otherwise the generated values would prove nothing.
    expect(accepted).toBeGreaterThan(COUNT / 50);
    if (process.env['VALUES'] !== undefined)
      console.log(
        `${COUNT / 2} values, ${decisions} decisions, ${accepted} accepted, 0 disagreements, 0 failures; seed ${SEED}`,
      );
  },
  scaleMs(1_800_000),
);

test('the bot decides as the library does on what a message can express', async () => {
  const schema = createPreferenceSchema(preferencesStandardSchema);
  const username = standalone.upstream.accountName('chatting');
  const response = await fetch(`${standalone.url}/api/users/telegram/link`, {
    method: 'POST',
    headers: { authorization: `Bearer ${standalone.token(username)}` },
  });
  const { code } = (await response.json()) as { readonly code: string };
  const person = api.createPerson('Ada');
  await person.sendMessage(`/start ${code}`);
  const commands: Readonly<Record<string, string>> = {
    theme: '/theme',
    viewMode: '/view',
    timezone: '/timezone',
    briefingTime: '/briefing on',
  };
  const disagreements: string[] = [];
  for (const { key, value } of fc.sample(botValue, { seed: SEED, numRuns: Math.ceil(COUNT / 10) })) {
    const { text = '' } = await person.sendMessage(`${commands[key] ?? ''} ${value}`);
    const { preferences } = await builtIn.pouchgate.read(username);
    const stored = (preferences as Readonly<Record<string, unknown>>)[key];
    const isValid = schema.findViolation(key, value) === undefined;
    // The bot ignores case: it stores a time zone by its usual name.
    const isAccepted = String(stored).toLowerCase() === value.toLowerCase();
    if (isValid && !isAccepted) disagreements.push(`${key} ${value}: valid, and the bot replies ${text}`);
    if (!isValid && stored === value) disagreements.push(`${key} ${value}: invalid, and the bot stores it`);
  }
  expect({ seed: SEED, disagreements }).toEqual({ seed: SEED, disagreements: [] });
});

const cyclic: { member?: unknown } = {};
cyclic.member = cyclic;

test.each<[string, unknown]>([
  ['NaN', NaN],
  ['infinity', [-Infinity]],
  ['a big integer', { x: 1n }],
  ['a date', new Date(0)],
  ['a map', new Map([['x', 1]])],
  ['an undefined member', { x: undefined }],
  ['a hole in a list', Object.assign([], { length: 1 })],
  ['a function', [(): number => 1]],
  ['a symbol', Symbol('x')],
  ['a cycle', cyclic],
  ['a typed array', new Uint8Array(2)],
])('%s is no JSON value: the library and the application reject it with the reason', async (_name, value) => {
  const library = await createLibraryEditor('no-json', settings.custom().options);
  await expect(library.set({ any: value })).rejects.toThrow(RangeError);
  await library.close();
  await expect(application.pouchgate.edit('no-json', { any: value })).rejects.toMatchObject({ status: 422 });
});
