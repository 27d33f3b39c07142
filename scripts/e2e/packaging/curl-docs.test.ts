import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startForTests, type TestGate } from '../../../server/testing/test-gate.ts';
import { hasCouchdb, withNames } from '../../../server/testing/test-database.ts';
import { connect, statusOf } from '../../../server/upstream/client.ts';

/** docs/curl.md: its commands are run one after the other in one shell, and have to print what the page says they do. */

interface Block {
  readonly commands: string;
  readonly shown: string;
  readonly title: string;
}

const ROOT = join(__dirname, '../../..');
const PAGE = readFileSync(join(ROOT, 'docs', 'curl.md'), 'utf8');
const BLOCKS = [...PAGE.matchAll(/```sh\n([\s\S]*?)```\n(?:\n```text\n([\s\S]*?)```\n)?/g)]
  .map(({ 1: commands = '', 2: shown = '', index }): Block => {
    const line = PAGE.slice(0, index).split('\n').length;
    return { commands, shown, title: `line ${line}: ${commands.trim().split('\n').at(-1) ?? ''}` };
  })
  // The replicator is CouchDB's own; a CouchDB has to be there, and to reach this machine.
  .filter(({ commands }) => hasCouchdb() || !commands.includes('/_replicator'));

let gate: TestGate;
let folder: string;
let printed: readonly string[];

beforeAll(async () => {
  gate = await startForTests();
  folder = mkdtempSync(join(tmpdir(), 'pouchgate-curl-'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const [, program = ''] = /```js\n([\s\S]*?)```/.exec(PAGE) ?? [];
  writeFileSync(join(folder, 'sync.mjs'), here(program));
  const script = BLOCKS.map(({ commands }) => `printf '\\001'\n${here(commands)}`).join('');
  const { stdout } = await promisify(execFile)('bash', ['-uc', script], { cwd: folder, timeout: 60_000 });
  printed = stdout.split('\u0001').slice(1);
}, 90_000);

afterAll(async () => {
  rmSync(folder, { recursive: true });
  if (hasCouchdb()) await forgetCopy();
  await gate.close();
});

/** What the page calls alice, as nobody else on this upstream is called. */
const alice = (): string => gate.upstream.account('alice');

/** The page's text about this gate and this upstream instead of those it names. */
function here(text: string): string {
  const { access, names } = gate.upstream;
  return withNames(text, names)
    .replaceAll('http://127.0.0.1:4000', gate.url)
    .replaceAll('http://127.0.0.1:5984', access.url)
    .replaceAll('-u admin:password', `-u '${access.username}:${access.password}'`)
    .replaceAll(
      '"username": "admin", "password": "password"',
      `"username": "${access.username}", "password": "${access.password}"`,
    )
    .replaceAll('alice', alice());
}

/** Without what is another at each run: names of revisions, sessions and databases, times and tokens. */
function lasting(text: string): unknown[] {
  const told = text
    .replaceAll('\r', '')
    .replaceAll(alice(), 'alice')
    .replaceAll(gate.upstream.names.registry, 'user_registry')
    .replaceAll(/eyJ[\w.-]+…?|eyJ…/g, 'TOKEN')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME')
    .replaceAll(/\b[0-9a-f]{16}-[\w-]{22}/g, 'SESSION')
    .replaceAll(/(?!f{32})\b[0-9a-f]{32}\b/g, 'HASH');
  // CouchDB and the embedded engine write a document's fields in orders of their own.
  return told.split('\n').map((line) => (/^(\{.*\}|\[.*\])$/.test(line) ? (JSON.parse(line) as unknown) : line));
}

async function forgetCopy(): Promise<void> {
  const couch = connect(gate.upstream.access);
  const name = `${alice()}_copy`;
  const jobs = couch.use('_replicator');
  try {
    await couch.db.destroy(name);
    await jobs.destroy(name, (await jobs.get(name))._rev);
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

it.each(BLOCKS.map((block, n) => [block.title, n, block.shown] as const))('%s', (_title, n, shown) => {
  expect(lasting(printed[n] ?? '')).toEqual(lasting(shown));
});

it('nothing on the page is left out of this', () => {
  expect(BLOCKS.length + (hasCouchdb() ? 0 : 1)).toBe(PAGE.match(/^```sh/gm)?.length);
  expect(BLOCKS.filter(({ shown }) => /^\d{3}$/m.test(shown)).length).toBeGreaterThan(10);
});
