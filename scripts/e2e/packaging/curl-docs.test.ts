import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { usesCouchdb, replaceDatabaseNames } from '../../../server/testing/test-database.ts';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { connect, statusOf } from '../../../server/upstream/client.ts';

/** Runs the commands of docs/curl.md in one shell, and compares their output with the page. */

interface Block {
  readonly commands: string;
  readonly expectedOutput: string;
  readonly title: string;
}

const ROOT = join(__dirname, '../../..');
const PAGE = readFileSync(join(ROOT, 'docs', 'curl.md'), 'utf8');
const BLOCKS = [...PAGE.matchAll(/```sh\n([\s\S]*?)```\n(?:\n```text\n([\s\S]*?)```\n)?/g)]
  .map(({ 1: commands = '', 2: expectedOutput = '', index }): Block => {
    const line = PAGE.slice(0, index).split('\n').length;
    return { commands, expectedOutput, title: `line ${line}: ${commands.trim().split('\n').at(-1) ?? ''}` };
  })
  // CouchDB's replicator needs a CouchDB that can reach this machine.
  .filter(({ commands }) => usesCouchdb() || !commands.includes('/_replicator'));

let gate: TestGate;
let folder: string;
let outputs: readonly string[];

beforeAll(async () => {
  gate = await startTestGate();
  folder = mkdtempSync(join(tmpdir(), 'pouchgate-curl-'));
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
  const [, program = ''] = /```js\n([\s\S]*?)```/.exec(PAGE) ?? [];
  writeFileSync(join(folder, 'sync.mjs'), substituteTestValues(program));
  const script = BLOCKS.map(({ commands }) => `printf '\\001'\n${substituteTestValues(commands)}`).join('');
  const { stdout } = await promisify(execFile)('bash', ['-uc', script], { cwd: folder, timeout: MAX_WAIT_MS });
  outputs = stdout.split('\u0001').slice(1);
});

afterAll(async () => {
  rmSync(folder, { recursive: true });
  if (usesCouchdb()) await deleteReplicatedCopy();
  await gate.close();
});

/** The unique account name that stands for the page's `alice` on this upstream. */
const aliceAccount = (): string => gate.upstream.accountName('alice');

/** Replaces the page's URLs, accounts and database names by those of this test. */
function substituteTestValues(text: string): string {
  const { access, names } = gate.upstream;
  return replaceDatabaseNames(text, names)
    .replaceAll('http://127.0.0.1:4000', gate.url)
    .replaceAll('http://127.0.0.1:5984', access.url)
    .replaceAll('-u admin:password', `-u '${access.username}:${access.password}'`)
    .replaceAll(
      '"username": "admin", "password": "password"',
      `"username": "${access.username}", "password": "${access.password}"`,
    )
    .replaceAll('alice', aliceAccount());
}

/** Replaces values that differ between runs: revisions, sessions, database names, times and tokens. */
function normalizeOutput(text: string): unknown[] {
  const normalized = text
    .replaceAll('\r', '')
    .replaceAll(aliceAccount(), 'alice')
    .replaceAll(gate.upstream.names.registry, 'user_registry')
    .replaceAll(/eyJ[\w.-]+…?|eyJ…/g, 'TOKEN')
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'TIME')
    .replaceAll(/\b[0-9a-f]{16}-[\w-]{22}/g, 'SESSION')
    .replaceAll(/(?!f{32})\b[0-9a-f]{32}\b/g, 'HASH');
  // CouchDB and the embedded engine write the members of a document in different orders.
  return normalized.split('\n').map((line) => (/^(\{.*\}|\[.*\])$/.test(line) ? (JSON.parse(line) as unknown) : line));
}

async function deleteReplicatedCopy(): Promise<void> {
  const couch = connect(gate.upstream.access);
  const name = `${aliceAccount()}_copy`;
  const jobs = couch.use('_replicator');
  try {
    await couch.db.destroy(name);
    await jobs.destroy(name, (await jobs.get(name))._rev);
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

it.each(BLOCKS.map((block, n) => [block.title, n, block.expectedOutput] as const))('%s', (_title, n, shown) => {
  expect(normalizeOutput(outputs[n] ?? '')).toEqual(normalizeOutput(shown));
});

it('runs every command of the page', () => {
  expect(BLOCKS.length + (usesCouchdb() ? 0 : 1)).toBe(PAGE.match(/^```sh/gm)?.length);
  expect(BLOCKS.filter(({ expectedOutput }) => /^\d{3}$/m.test(expectedOutput)).length).toBeGreaterThan(10);
});
