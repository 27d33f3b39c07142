import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { secretFields } from '../../../couchdb-design/user-document/secret-fields.ts';
import { readPages } from '../../../server/cli/documents/read-pages.ts';
import type { ImportRow } from '../../../server/cli/import/report.ts';
import { usersCommandEnv } from '../../../server/testing/run-users-command.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';
import { connect } from '../../../server/upstream/client.ts';
import { createOlderDatabase, OLD_PASSWORD, SECRET_MARK } from './testing/older-application.ts';

/**
 * The import of an older application's database, killed several times with SIGKILL and run again. `DOCUMENTS=10000` measures it with
 * as many documents.
 */
const DOCUMENTS = Number(process.env['DOCUMENTS'] ?? 400);
const KILLS = 2;
const ROOT = join(__dirname, '../../..');
/** Prints the peak of the memory, in KiB, when the process exits. */
const REPORT_MEMORY =
  'data:text/javascript,process.on("exit",()=>process.stderr.write(`peak ${process.resourceUsage().maxRSS}\\n`))';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
});
afterAll(() => gate.close());

function spawnImport(source: string): ChildProcess {
  const { access } = gate.upstream;
  const env = { ...usersCommandEnv(gate.upstream), SOURCE_USER: access.username, SOURCE_PASSWORD: access.password };
  const argv = [
    '--import',
    'tsx',
    '--import',
    REPORT_MEMORY,
    join(ROOT, 'scripts/pouchgate.ts'),
    'import',
    source,
    '--report',
    '-',
  ];
  const child = spawn(process.execPath, argv, {
    cwd: ROOT,
    env: { PATH: process.env['PATH'], ...env },
  });
  closeAfterTests({ close: () => child.kill('SIGKILL') });
  return child;
}

/** Resolves with the rows, once the import has ended or printed `kill` rows and was killed. */
async function runImport(
  source: string,
  kill = Infinity,
): Promise<{ rows: ImportRow[]; peakMb: number; code: number | null }> {
  const child = spawnImport(source);
  if (child.stdout === null || child.stderr === null) throw new Error('The process has no output.');
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  const closed = once(child, 'close') as Promise<[number | null]>;
  const rows: ImportRow[] = [];
  for await (const line of createInterface({ input: child.stdout })) {
    rows.push(JSON.parse(line) as ImportRow);
    if (rows.length >= kill) child.kill('SIGKILL');
  }
  const [code] = await closed;
  return { rows, code, peakMb: Math.round(Number(/peak (\d+)/.exec(stderr)?.[1] ?? 0) / 1024) };
}

test(`an import of ${DOCUMENTS} documents that is killed and run again writes each once, and no secret`, async () => {
  const { access, names } = gate.upstream;
  const database = `older_${names.suffix}`;
  const usernames = Array.from({ length: DOCUMENTS }, (_, index) => gate.upstream.accountName(`old${index}`));
  await createOlderDatabase(access, database, usernames);
  const source = `${access.url}/${database}`;
  const startedAt = Date.now();
  for (let kill = 1; kill <= KILLS; kill += 1) {
    const { code } = await runImport(source, Math.ceil((DOCUMENTS * kill) / (KILLS + 2)));
    expect(code).toBeNull();
  }
  const last = await runImport(source);
  const seconds = (Date.now() - startedAt) / 1_000;
  console.log(`${DOCUMENTS} documents, killed ${KILLS} times: ${seconds.toFixed(1)} s, peak ${last.peakMb} MB.`);
  await connect(access).db.destroy(database);

  // Every document has a row, also those that an earlier run imported.
  const rows = last.rows.filter(({ username }) => username !== undefined);
  expect(rows.map(({ username }) => username).sort()).toEqual([...usernames].sort());
  expect(rows.filter(({ status }) => status === 'skipped')).toEqual([]);
  expect(rows.filter(({ status }) => status === 'unchanged').length).toBeGreaterThan(0);
  expect(rows.every(({ leftOut = [] }) => leftOut.some(({ path }) => path === 'preferences.apiToken'))).toBe(true);

  const merged = new Set(usernames.filter((_, index) => index % 10 === 0));
  let count = 0;
  for await (const page of readPages(connect(access), names.registry)) {
    for (const { live } of page) {
      const [{ rev, body }, ...others] = live;
      count += 1;
      expect([others.length, rev.split('-')[0]]).toEqual([0, '1']);
      expect([...secretFields(body)]).toEqual([]);
      expect(JSON.stringify(body)).not.toContain(SECRET_MARK);
      expect(body).toMatchObject({ preferences: { theme: expect.stringMatching(/dark|light/) as string } });
      // Of the losing revision of a conflict.
      const { viewMode } = body['preferences'] as { viewMode?: unknown };
      expect(viewMode).toBe(merged.has(String(body['username'])) ? 'table' : undefined);
    }
  }
  expect(count).toBe(DOCUMENTS);
  // Accounts once as well, and with the password of the source where CouchDB can check it.
  const accounts = await connect(access)
    .use('_users')
    .fetch({ keys: usernames.slice(0, 200).map((name) => `org.couchdb.user:${name}`) });
  for (const row of accounts.rows) expect('value' in row ? row.value.rev : row).toMatch(/^1-/);
  const signIn = async (username: string): Promise<number> =>
    (
      await fetch(`${gate.url}/api/auth/sign-in`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password: OLD_PASSWORD }),
      })
    ).status;
  expect(await signIn(usernames[1] ?? '')).toBe(200);
  expect(await signIn(usernames[5] ?? '')).toBe(401);
});
