import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { createPouchgate, type MountedPouchgate } from '../../../server/index.ts';
import { startUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { runUsers, usersEnv } from '../../../server/testing/run-users-command.ts';

/** The command beside an application that has mounted the gate, with preferences of its own. */

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
const written = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};
let upstream: TestUpstream;
let pouchgate: MountedPouchgate<z.infer<typeof schema>>;
beforeAll(async () => {
  upstream = await startUpstream();
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
  runUsers({ ...usersEnv(upstream), ID_PREFIX: 'own_', PREFERENCES_MODULE: path }, argv);

test('the command sets, shows, exports and erases what the application’s schema has', async () => {
  const path = written('preferences.js', MODULE);
  await pouchgate.edit('ada', { density: 'compact' });
  for (const [name, text, value] of [
    ['fontSize', '12', 12],
    ['nickname', '12', '12'],
    ['nickname', '"unset"', 'unset'],
  ] as const) {
    const { code, complaints } = await run(path, 'set', 'ada', name, text);
    expect([code, complaints]).toEqual([0, '']);
    expect((await pouchgate.read('ada')).preferences).toMatchObject({ density: 'compact', [name]: value });
  }
  const shown = await run(path, 'show', 'ada');
  expect(shown.said).toMatch(/^density +"compact" +\S+ +application +0a...$/m);
  expect(shown.said).toMatch(/^fontSize +12 +\S+ +command line +0c...$/m);
  const exported = JSON.parse((await run(path, 'export', 'ada')).said) as { document: unknown };
  expect(exported.document).toMatchObject({ preferences: { density: 'compact', fontSize: 12, nickname: 'unset' } });
  expect((await run(path, 'erase', 'ada', '--yes')).code).toBe(0);
  expect((await pouchgate.read('ada')).preferences).toEqual({});
});

test('what the schema does not take is told by what it does take', async () => {
  const path = written('preferences.js', MODULE);
  await pouchgate.edit('bob', { density: 'compact' });
  const wrong = await run(path, 'set', 'bob', 'fontSize', '4');
  expect([wrong.code, wrong.complaints]).toEqual([2, expect.stringContaining('"minimum":8,"maximum":40')]);
  const unknown = await run(path, 'set', 'bob', 'theme', 'dark');
  expect([unknown.code, unknown.complaints]).toEqual([2, expect.stringContaining('density, fontSize, nickname')]);
  expect((await pouchgate.read('bob')).preferences).toEqual({ density: 'compact' });
});

test('without the module the document is left alone, and nothing is lost', async () => {
  await pouchgate.edit('cy', { density: 'compact' });
  expect((await run('', 'show', 'cy')).said).toContain('cannot be read');
  expect((await run('', 'set', 'cy', 'theme', 'dark')).code).toBe(1);
  expect((await pouchgate.read('cy')).preferences).toEqual({ density: 'compact' });
});

test.each([
  ['is not there', join(folder, 'nothing.js'), undefined, 'cannot be read'],
  ['is no module', 'broken.js', 'export const schema = ', 'cannot be read'],
  ['exports no schema', 'without.js', 'export const defaults = {};', 'does not export a zod object as "schema"'],
  [
    'has a name that CouchDB does not take',
    'odd.js',
    `${MODULE.split('\n', 1)[0] ?? ''}\nexport const schema = z.strictObject({ __proto: z.string().optional() });`,
    'cannot be used',
  ],
])('a module that %s is told in a sentence', async (_what, name, text, sentence) => {
  const path = text === undefined ? name : written(name, text);
  const { code, said, complaints } = await run(path, 'list');
  expect([code, said]).toEqual([1, '']);
  expect(complaints).toContain(`PREFERENCES_MODULE, ${path}, `);
  expect(complaints).toContain(sentence);
});
