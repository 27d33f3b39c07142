import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createPouchgate, type MountedPouchgate } from '../../../server/index.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { runUsersCommand, usersCommandEnv } from '../../../server/testing/run-users-command.ts';

/** The command with an application that mounts the gate with its own preferences. */

const schema = z.strictObject({
  density: z.enum(['cosy', 'compact']).optional(),
  fontSize: z.int().min(8).max(40).optional(),
  nickname: z.string().max(20).optional(),
});
const MODULE = `import { z } from ${JSON.stringify(require.resolve('zod'))};
export const schema = z.strictObject({
  density: z.enum(['cosy', 'compact']).optional(),
  fontSize: z.int().min(8).max(40).optional(),
  nickname: z.string().max(20).optional(),
});
export const defaults = { density: 'cosy' };
`;

const folder = mkdtempSync(join(tmpdir(), 'preferences-module-'));
const writeModule = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
let upstream: TestUpstream;
let pouchgate: MountedPouchgate<z.infer<typeof schema>>;
beforeAll(async () => {
  upstream = await startTestUpstream();
  const { registry, sessions } = upstream.names;
  pouchgate = await createPouchgate({
    couchdb: upstream.access,
    authenticate: () => undefined,
    preferences: { schema },
    registry,
    sessions,
    idPrefix: 'own_',
  });
});
afterAll(async () => {
  await pouchgate.close();
  await upstream.close();
  rmSync(folder, { recursive: true });
});

const run = (path: string, ...argv: readonly string[]) =>
  runUsersCommand({ ...usersCommandEnv(upstream), ID_PREFIX: 'own_', PREFERENCES_MODULE: path }, argv);

test('the command sets, shows, exports and erases preferences of the application’s schema', async () => {
  const path = writeModule('preferences.js', MODULE);
  await pouchgate.edit('ada', { density: 'compact' });
  for (const [name, text, value] of [
    ['fontSize', '12', 12],
    ['nickname', '12', '12'],
    ['nickname', '"unset"', 'unset'],
  ] as const) {
    const { code, stderr } = await run(path, 'set', 'ada', name, text);
    expect([code, stderr]).toEqual([0, '']);
    expect((await pouchgate.read('ada')).preferences).toMatchObject({ density: 'compact', [name]: value });
  }
  const shown = await run(path, 'show', 'ada');
  expect(shown.stdout).toMatch(/^density +"compact" +\S+ +application +0a...$/m);
  expect(shown.stdout).toMatch(/^fontSize +12 +\S+ +command line +0c...$/m);
  const exported = JSON.parse((await run(path, 'export', 'ada')).stdout) as { document: unknown };
  expect(exported.document).toMatchObject({ preferences: { density: 'compact', fontSize: 12, nickname: 'unset' } });
  expect((await run(path, 'erase', 'ada', '--yes')).code).toBe(0);
  expect((await pouchgate.read('ada')).preferences).toEqual({});
});

test('reports what the schema accepts instead of an invalid value or name', async () => {
  const path = writeModule('preferences.js', MODULE);
  await pouchgate.edit('bob', { density: 'compact' });
  const wrong = await run(path, 'set', 'bob', 'fontSize', '4');
  expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('"minimum":8,"maximum":40')]);
  const unknown = await run(path, 'set', 'bob', 'theme', 'dark');
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('density, fontSize, nickname')]);
  expect((await pouchgate.read('bob')).preferences).toEqual({ density: 'compact' });
});

test('without the module the command keeps the application’s preferences, and shows that they are stored', async () => {
  await pouchgate.edit('cy', { density: 'compact' });
  expect((await run('', 'show', 'cy')).stdout).toContain('Stored, but not accepted by the schema: density.');
  expect((await run('', 'set', 'cy', 'theme', 'dark')).code).toBe(0);
  expect((await pouchgate.read('cy')).preferences).toEqual({ density: 'compact' });
});

test.each([
  ['does not exist', join(folder, 'nothing.js'), undefined, 'cannot be imported'],
  ['is not valid JavaScript', 'broken.js', 'export const schema = ', 'cannot be imported'],
  ['exports no schema', 'without.js', 'export const defaults = {};', 'does not export a zod object as "schema"'],
  [
    'has a name that CouchDB rejects',
    'odd.js',
    `${MODULE.split('\n', 1)[0] ?? ''}\nexport const schema = z.strictObject({ __proto: z.string().optional() });`,
    'The preference "__proto" has an invalid name',
  ],
  [
    'has a default in the schema',
    'default.js',
    `${MODULE.split('\n', 1)[0] ?? ''}\nexport const schema = z.strictObject({ density: z.string().default('cosy') });`,
    'The preference density has a default value in the schema.',
  ],
])('reports a module that %s', async (_problem, name, text, sentence) => {
  const path = text === undefined ? name : writeModule(name, text);
  const { code, stdout, stderr } = await run(path, 'list');
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toContain(`PREFERENCES_MODULE, ${path}, `);
  expect(stderr).toContain(sentence);
});
