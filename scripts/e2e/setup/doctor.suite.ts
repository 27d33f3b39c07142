import { randomBytes } from 'node:crypto';
import { newUserDocument, parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { doctorCommand } from '../../../server/cli/doctor/command.ts';
import type { Finding } from '../../../server/cli/doctor/finding.ts';
import { readDatabaseDesign } from '../../../server/upstream/schema/design-documents.ts';
import { addContentHash } from '../../../server/upstream/schema/design-hash.ts';
import {
  writeConfigValue,
  readClusterNodes,
  readConfigValue,
  restoreConfigValue,
} from '../../../server/cli/setup/observe/node-config.ts';
import { viewWarmupDesign } from '../../../server/upstream/schema/view-warmup-design.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import type { SetupFixture } from './testing/fixture.ts';

type Json = Record<string, unknown>;

function userDocument(name: string, more: Json = {}): Json & { _id: string } {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username.`);
  return { ...newUserDocument(username, new Date()), ...more };
}

/** Each test creates a fault, expects the doctor to report it and its correction, and removes it. */
export function describeDoctor(fixture: () => SetupFixture): void {
  const secret = randomBytes(32);
  let env: Readonly<Record<string, string>>;
  let admin: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const { run, access } = fixture();
    const secretEnv = { COUCHDB_JWT_SECRET: secret.toString('base64') };
    const { environment } = await run(['--new-password'], secretEnv);
    env = { ...environment, ...secretEnv, JWT_SECRET: randomBytes(32).toString('hex') };
    admin = { COUCHDB_ADMIN_USER: access.username, COUCHDB_ADMIN_PASSWORD: access.password };
  });

  const registry = () => fixture().couch.use<Json>(fixture().names.registry);
  const runDoctor = async (
    extraEnv: Record<string, string> = admin,
  ): Promise<{ code: number; findings: Finding[] }> => {
    const lines: string[] = [];
    const options = { argv: ['--json'], env: { ...env, ...extraEnv } };
    const code = await doctorCommand({
      ...options,
      print: (line) => lines.push(line),
      printError: (line) => lines.push(line),
    });
    const { well, findings } = JSON.parse(lines.join('\n')) as { well: boolean; findings: Finding[] };
    expect(code).toBe(well ? 0 : 1);
    return { code, findings };
  };
  /** The errors, as `check: sentence`. */
  const findErrors = async (extraEnv?: Record<string, string>): Promise<string[]> =>
    (await runDoctor(extraEnv)).findings.flatMap(({ check, state, sentence }) =>
      state === 'wrong' ? [`${check}: ${sentence}`] : [],
    );
  /** The limit of this process depends on the machine. */
  const withoutOpenFiles = (errors: readonly string[]): string[] =>
    errors.filter((error) => !error.startsWith('open files'));

  it('finds nothing wrong after set-up, and checks everything with an administrator', async () => {
    const { findings } = await runDoctor();
    expect(withoutOpenFiles(await findErrors())).toEqual([]);
    expect(findings.filter(({ state }) => state === 'not-checked')).toEqual([]);
    const checks = findings.map(({ check }) => check);
    for (const check of [
      'version',
      'admin party',
      'require_valid_user',
      'clock',
      'JWT handler',
      'key',
      "users' tokens",
      "users' reads",
      "users' writes",
      'expired tokens',
      'revs_limit',
      "users' passwords",
      'secrets',
      'conflicts',
      'versions',
      'leaves',
    ])
      expect(checks).toContain(check);
  });

  it('reports what only an administrator may read as not checked', async () => {
    const { findings } = await runDoctor({});
    expect(withoutOpenFiles(await findErrors({}))).toEqual([]);
    const unchecked = findings.filter(({ state }) => state === 'not-checked');
    expect(unchecked.map(({ check }) => check)).toEqual(['settings', "users' passwords"]);
    for (const { sentence } of unchecked) expect(sentence).toContain('COUCHDB_ADMIN_USER');
  });

  it('deletes its test account', async () => {
    const { couch } = fixture();
    const { update_seq: since } = await couch.db.get('_users');
    await runDoctor();
    // Other tests may create accounts at the same time.
    const { results } = await couch.use('_users').changes({ since });
    const own = results.filter(({ id }) => id.startsWith('org.couchdb.user:Doctor-'));
    expect(own.map(({ deleted }) => deleted)).toEqual([true]);
  });

  it('reports a key that CouchDB does not have', async () => {
    expect(await findErrors({ ...admin, COUCHDB_JWT_SECRET: randomBytes(32).toString('base64') })).toContainEqual(
      expect.stringMatching(/^key: CouchDB does not accept tokens .*Unknown kid.*Run "npm run setup"/),
    );
  });

  it("reports users' tokens that CouchDB itself accepts", async () => {
    const setting = { section: 'jwt_keys', key: 'hmac:_default' };
    const nodes = (await readClusterNodes(fixture().couch)).map(({ name }) => name);
    const before = await Promise.all(nodes.map((node) => readConfigValue(fixture().couch, node, setting)));
    const value = Buffer.from(env['JWT_SECRET'] ?? '').toString('base64');
    for (const node of nodes) await writeConfigValue(fixture().couch, node, setting, value);
    const found = await findErrors();
    const accepted = {
      ...env,
      JWT_SECRET: randomBytes(32).toString('hex'),
      JWT_SECRETS_ACCEPTED: env['JWT_SECRET'] ?? '',
    };
    const foundAccepted = await findErrors(accepted);
    for (const [index, node] of nodes.entries())
      await restoreConfigValue(fixture().couch, node, setting, before[index]);
    expect(foundAccepted).toContainEqual(
      expect.stringMatching(/^users' tokens: .*JWT_SECRETS_ACCEPTED is one of its \[jwt_keys\]/),
    );
    expect(found).toContainEqual(expect.stringMatching(/^users' tokens: .*JWT_SECRET is one of its \[jwt_keys\]/));
    expect(withoutOpenFiles(await findErrors())).toEqual([]);
  });

  it('reports a JWT handler that is not set', async () => {
    const setting = { section: 'chttpd', key: 'authentication_handlers' };
    const [node] = await readClusterNodes(fixture().couch);
    if (node === undefined) throw new Error('There is no node.');
    const before = await readConfigValue(fixture().couch, node.name, setting);
    await writeConfigValue(fixture().couch, node.name, setting, '{chttpd_auth, default_authentication_handler}');
    const found = await findErrors();
    await writeConfigValue(fixture().couch, node.name, setting, before ?? '');
    expect(found).toContainEqual(expect.stringContaining(`JWT handler: The JWT handler is not set on ${node.name}`));
  });

  const withSetting = async (section: string, key: string, value: string, test: () => Promise<void>): Promise<void> => {
    const { couch } = fixture();
    const setting = { section, key };
    const nodes = (await readClusterNodes(couch)).map(({ name }) => name);
    const before = await Promise.all(nodes.map((node) => readConfigValue(couch, node, setting)));
    try {
      for (const node of nodes) await writeConfigValue(couch, node, setting, value);
      await test();
    } finally {
      for (const [index, node] of nodes.entries()) await restoreConfigValue(couch, node, setting, before[index]);
    }
  };

  it.each([
    ['couchdb', 'max_document_size', '1500000', /^document size: .* is 1500000 bytes on .*raise it to 1572864/],
    ['chttpd', 'max_http_request_size', '8000000', /^request size: .* is 8000000 bytes on .*raise it to 8388608/],
    ['couchdb', 'changes_doc_ids_optimization_threshold', '10', /^id threshold: .*COUCHDB_DOC_IDS_THRESHOLD=10/],
    ['couchdb', 'default_security', 'everyone', /^new databases: .*Remove the setting/],
    ['jwt_auth', 'required_claims', 'kid', /^required claims: .*accepts expired tokens\. Set it to exp/],
  ])('reports [%s] %s = %s', async (section, key, value, expected) => {
    await withSetting(section, key, value, async () => {
      expect(await findErrors()).toContainEqual(expect.stringMatching(expected));
    });
    expect(withoutOpenFiles(await findErrors())).toEqual([]);
  });

  it('reports required claims that the tokens do not have', async () => {
    // No gate on this server could send requests as a user.
    if (fixture().isShared) return;
    await withSetting('jwt_auth', 'required_claims', 'exp, {iss, "https://example.org"}', async () => {
      expect(await findErrors()).toContainEqual(
        expect.stringMatching(/^required claims: .*the gates' tokens have no iss.*Set it to exp/),
      );
      const { code, errorLines } = await fixture().run();
      expect([code, errorLines.join()]).toEqual([1, expect.stringContaining("the gates' tokens have no iss")]);
    });
  });

  it('accepts a lowered threshold of ids that the gates know, and set-up prints it for them', async () => {
    await withSetting('couchdb', 'changes_doc_ids_optimization_threshold', '10', async () => {
      const { environment, outputLines } = await fixture().run();
      expect(environment['COUCHDB_DOC_IDS_THRESHOLD']).toBe('10');
      expect(outputLines).toContainEqual(expect.stringMatching(/^note .*Set COUCHDB_DOC_IDS_THRESHOLD=10/));
      const known = { ...admin, COUCHDB_DOC_IDS_THRESHOLD: '10' };
      expect(withoutOpenFiles(await findErrors(known))).toEqual([]);
    });
    expect((await fixture().run()).environment).not.toHaveProperty('COUCHDB_DOC_IDS_THRESHOLD');
  });

  it('reports a database that admits an unexpected role', async () => {
    const { couch, names, newName } = fixture();
    const role = newName();
    const request = { db: names.registry, path: '_security' };
    const before: unknown = await couch.request(request);
    const open = {
      admins: { names: [], roles: ['_admin'] },
      members: { names: [], roles: ['registry_user', 'pouchgate_service', role] },
    };
    await couch.request({ ...request, method: 'PUT', body: open });
    expect(withoutOpenFiles(await findErrors())).toEqual([
      `_security of ${names.registry}: ${names.registry} admits the role ${role}. Run "npm run setup -- --replace" to remove them.`,
    ]);
    await couch.request({ ...request, method: 'PUT', body: before });
  });

  it('reports design documents that were changed, are left over, or are foreign', async () => {
    const ours = await registry().get('_design/registry');
    const [design] = (await readDatabaseDesign()).designs;
    if (design === undefined) throw new Error('There is no design document.');
    const left = addContentHash(viewWarmupDesign(design));
    await registry().insert({ ...ours, validate_doc_update: 'function () {}' });
    const inserted = [
      await registry().insert(left),
      await registry().insert({ _id: '_design/theirs', language: 'javascript', validate_doc_update: 'function () {}' }),
    ];
    // Without the check CouchDB stores a user's write to another user's document, which the doctor deletes again.
    await eventually(async () =>
      (await findErrors()).some((error) => error.startsWith("users' writes: CouchDB stores")),
    );
    expect(withoutOpenFiles(await findErrors())).toEqual([
      expect.stringMatching(/^users' writes: CouchDB stores/),
      expect.stringMatching(/^_design\/registry: .* was changed by hand\. Run "npm run setup -- --replace"/),
      expect.stringMatching(/^_design\/registry_being_built: .* left over from an unfinished set-up/),
      expect.stringMatching(/^_design\/theirs: .* checks every write/),
    ]);
    for (const { id, rev } of inserted) await registry().destroy(id, rev);
    await registry().insert({ ...ours, _rev: (await registry().get('_design/registry'))._rev });
    await eventually(async () => withoutOpenFiles(await findErrors()).length === 0);
    const stored = (await registry().list()).rows.filter(({ id }) => id.startsWith('user_doctor-'));
    expect(stored).toEqual([]);
  });

  it('reports documents with secrets, of a newer version, and in conflict', async () => {
    const exposed = await registry().insert(userDocument('exposed', { preferences: { apiToken: 'sesame' } }));
    const newer = await registry().insert(userDocument('newer', { version: 7 }));
    await registry().bulk({
      docs: ['a', 'b', 'c'].map((id) => userDocument('torn', { _rev: `1-${id.repeat(32)}` })),
      new_edits: false,
    });
    const { findings } = await runDoctor();
    const findingOf = (check: string): Finding | undefined => findings.find((finding) => finding.check === check);
    expect(findingOf('secrets')).toMatchObject({
      state: 'wrong',
      sentence: expect.stringContaining('user_exposed (preferences.apiToken).') as string,
    });
    expect(findingOf('versions')).toMatchObject({
      state: 'wrong',
      sentence: expect.stringContaining(
        'of a newer version than this one, or has attachments. Update the gates',
      ) as string,
    });
    expect(findingOf('conflicts')).toMatchObject({
      state: 'told',
      sentence: expect.stringContaining('the worst user_torn with 3 leaves') as string,
    });
    expect(JSON.stringify(findings)).not.toContain('sesame');
    for (const { id, rev } of [exposed, newer]) await registry().destroy(id, rev);
    expect(withoutOpenFiles(await findErrors())).toEqual([]);
  });

  it('reports malformed, oversize and hidden content, which validate_doc_update lets through', async () => {
    const inserted = await Promise.all([
      // There is no such day, so it is no stamp.
      registry().insert(userDocument('misdated', { edits: { theme: '2026-02-30T00:00:00.000Z-0000-aaaaa' } })),
      registry().insert(userDocument('hoarder', { preferences: { notes: 'x'.repeat(70_000) } })),
      registry().insert(userDocument('typist', { preferences: { drak: 'sesame' } })),
    ]);
    const { code, findings } = await runDoctor();
    const statesOf = (text: string) =>
      findings.filter(({ sentence }) => sentence.includes(text)).map(({ check, state }) => `${check}: ${state}`);
    expect(code).toBe(1);
    expect(statesOf('user_misdated (edits.theme)')).toEqual(['malformed documents: wrong']);
    expect(statesOf('user_hoarder')).toEqual(['document sizes: wrong', 'hidden values: told']);
    expect(statesOf('user_typist (preferences.drak)')).toEqual(['hidden values: told']);
    expect(JSON.stringify(findings)).not.toContain('sesame');
    for (const { id, rev } of inserted) await registry().destroy(id, rev);
    expect(withoutOpenFiles(await findErrors())).toEqual([]);
  });

  it('reports a missing database and wrong credentials', async () => {
    const { newName } = fixture();
    const missing = newName();
    const found = await findErrors({ ...admin, REGISTRY_DB: missing });
    expect(found).toContainEqual(
      `_security of ${missing}: The database ${missing} does not exist. Run "npm run setup".`,
    );
    const unknown = newName();
    expect(await findErrors({ COUCHDB_USER: unknown, COUCHDB_PASSWORD: 'x' })).toEqual([
      expect.stringContaining(`reachable: CouchDB at ${fixture().access.url} rejects COUCHDB_USER ${unknown}`),
    ]);
  });

  it('prints a line for each finding and a summary, without secrets', async () => {
    const lines: string[] = [];
    const options = { argv: [], env: { ...env, ...admin }, printError: (line: string) => lines.push(line) };
    await doctorCommand({ ...options, print: (line) => lines.push(line) });
    expect(lines).toContain(`good         CouchDB responds at ${fixture().access.url}.`);
    expect(lines.at(-1)).toMatch(/^(No problems found|One problem found)\.$/);
    for (const value of [secret.toString('base64'), env['COUCHDB_PASSWORD'] ?? '', env['JWT_SECRET'] ?? ''])
      expect(lines.join('\n')).not.toContain(value);
  });
}
