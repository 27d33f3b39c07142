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
import type { SetupFixture } from './testing/fixture.ts';

type Json = Record<string, unknown>;

function userDocument(name: string, more: Json = {}): Json & { _id: string } {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is no username.`);
  return { ...newUserDocument(username, new Date()), ...more };
}

/** Each fault is made, found by what it is and how it is mended, and mended. */
export function describeDoctor(fixture: () => SetupFixture): void {
  const secret = randomBytes(32);
  let env: Readonly<Record<string, string>>;
  let admin: Readonly<Record<string, string>>;

  beforeAll(async () => {
    const { run, access } = fixture();
    const asked = { COUCHDB_JWT_SECRET: secret.toString('base64') };
    const { environment } = await run(['--new-password'], asked);
    env = { ...environment, ...asked, JWT_SECRET: randomBytes(32).toString('hex') };
    admin = { COUCHDB_ADMIN_USER: access.username, COUCHDB_ADMIN_PASSWORD: access.password };
  });

  const registry = () => fixture().couch.use<Json>(fixture().names.registry);
  const runDoctor = async (more: Record<string, string> = admin): Promise<{ code: number; findings: Finding[] }> => {
    const lines: string[] = [];
    const options = { argv: ['--json'], env: { ...env, ...more } };
    const code = await doctorCommand({
      ...options,
      print: (line) => lines.push(line),
      printError: (line) => lines.push(line),
    });
    const { well, findings } = JSON.parse(lines.join('\n')) as { well: boolean; findings: Finding[] };
    expect(code).toBe(well ? 0 : 1);
    return { code, findings };
  };
  /** What is wrong, as `check: sentence`. */
  const findErrors = async (more?: Record<string, string>): Promise<string[]> =>
    (await runDoctor(more)).findings.flatMap(({ check, state, sentence }) =>
      state === 'wrong' ? [`${check}: ${sentence}`] : [],
    );
  /** This process's own limit is the machine's matter. */
  const withoutOpenFiles = (found: readonly string[]): string[] =>
    found.filter((fault) => !fault.startsWith('open files'));

  it('after set-up nothing is wrong, and with an administrator everything is looked at', async () => {
    const { findings } = await runDoctor();
    expect(withoutOpenFiles(await findErrors())).toEqual([]);
    expect(findings.filter(({ state }) => state === 'not-checked')).toEqual([]);
    const looked = findings.map(({ check }) => check);
    for (const check of [
      'version',
      'admin party',
      'require_valid_user',
      'clock',
      'JWT handler',
      'key',
      "users' tokens",
      "users' passwords",
      'secrets',
      'conflicts',
      'versions',
    ])
      expect(looked).toContain(check);
  });

  it('without one, what only an administrator may look at is said to be not checked', async () => {
    const { findings } = await runDoctor({});
    expect(withoutOpenFiles(await findErrors({}))).toEqual([]);
    const unchecked = findings.filter(({ state }) => state === 'not-checked');
    expect(unchecked.map(({ check }) => check)).toEqual(['settings', "users' passwords"]);
    for (const { sentence } of unchecked) expect(sentence).toContain('COUCHDB_ADMIN_USER');
  });

  it('no account is left of it', async () => {
    const { couch } = fixture();
    const { update_seq: since } = await couch.db.get('_users');
    await runDoctor();
    // Others may make accounts of their own meanwhile.
    const { results } = await couch.use('_users').changes({ since });
    const its = results.filter(({ id }) => id.startsWith('org.couchdb.user:Doctor-'));
    expect(its.map(({ deleted }) => deleted)).toEqual([true]);
  });

  it('a key that CouchDB does not have', async () => {
    expect(await findErrors({ ...admin, COUCHDB_JWT_SECRET: randomBytes(32).toString('base64') })).toContainEqual(
      expect.stringMatching(/^key: CouchDB does not take tokens .*Unknown kid.*run "npm run setup"/),
    );
  });

  it("users' tokens that CouchDB takes itself", async () => {
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

  it('a JWT handler that is not set', async () => {
    const setting = { section: 'chttpd', key: 'authentication_handlers' };
    const [node] = await readClusterNodes(fixture().couch);
    if (node === undefined) throw new Error('There is no node.');
    const before = await readConfigValue(fixture().couch, node.name, setting);
    await writeConfigValue(fixture().couch, node.name, setting, '{chttpd_auth, default_authentication_handler}');
    const found = await findErrors();
    await writeConfigValue(fixture().couch, node.name, setting, before ?? '');
    expect(found).toContainEqual(expect.stringContaining(`JWT handler: The JWT handler is not set on ${node.name}`));
  });

  it('a database that is open to more than have to use it', async () => {
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
      `_security of ${names.registry}: ${names.registry} lets in the role ${role}; run "npm run setup -- --replace" to shut them out.`,
    ]);
    await couch.request({ ...request, method: 'PUT', body: before });
  });

  it('design documents: changed, left over, and not ours', async () => {
    const ours = await registry().get('_design/registry');
    const [design] = (await readDatabaseDesign()).designs;
    if (design === undefined) throw new Error('There is no design document.');
    const left = addContentHash(viewWarmupDesign(design));
    await registry().insert({ ...ours, validate_doc_update: 'function () {}' });
    const inserted = [
      await registry().insert(left),
      await registry().insert({ _id: '_design/theirs', language: 'javascript', validate_doc_update: 'function () {}' }),
    ];
    expect(withoutOpenFiles(await findErrors())).toEqual([
      expect.stringMatching(/^_design\/registry: .* was changed by hand; run "npm run setup -- --replace"/),
      expect.stringMatching(/^_design\/registry_being_built: .* left of a set-up that was not finished/),
      expect.stringMatching(/^_design\/theirs: .* has a say in every write/),
    ]);
    for (const { id, rev } of inserted) await registry().destroy(id, rev);
    await registry().insert({ ...ours, _rev: (await registry().get('_design/registry'))._rev });
    expect(withoutOpenFiles(await findErrors())).toEqual([]);
  });

  it('documents: with secrets, newer than is known, in conflict', async () => {
    const exposed = await registry().insert(userDocument('exposed', { preferences: { apiToken: 'sesame' } }));
    const newer = await registry().insert(userDocument('newer', { version: 7 }));
    await registry().bulk({
      docs: ['a', 'b', 'c'].map((id) => userDocument('torn', { _rev: `1-${id.repeat(32)}` })),
      new_edits: false,
    });
    const { findings } = await runDoctor();
    const about = (check: string): Finding | undefined => findings.find((finding) => finding.check === check);
    expect(about('secrets')).toMatchObject({
      state: 'wrong',
      sentence: expect.stringContaining('in 1 documents, which are not served: user_exposed.') as string,
    });
    expect(about('versions')).toMatchObject({
      state: 'wrong',
      sentence: expect.stringContaining('1 documents are of a newer version') as string,
    });
    expect(about('conflicts')).toMatchObject({
      state: 'told',
      sentence: expect.stringContaining('the worst user_torn with 3 leaves') as string,
    });
    expect(JSON.stringify(findings)).not.toContain('sesame');
    for (const { id, rev } of [exposed, newer]) await registry().destroy(id, rev);
    expect(withoutOpenFiles(await findErrors())).toEqual([]);
  });

  it('what is missing altogether', async () => {
    const { newName } = fixture();
    const missing = newName();
    const found = await findErrors({ ...admin, REGISTRY_DB: missing });
    expect(found).toContainEqual(`_security of ${missing}: The database ${missing} is not there; run "npm run setup".`);
    const nobody = newName();
    expect(await findErrors({ COUCHDB_USER: nobody, COUCHDB_PASSWORD: 'x' })).toEqual([
      expect.stringContaining(`reachable: CouchDB at ${fixture().access.url} rejects COUCHDB_USER ${nobody}`),
    ]);
  });

  it('in words, a line for each thing, and an end', async () => {
    const said: string[] = [];
    const options = { argv: [], env: { ...env, ...admin }, printError: (line: string) => said.push(line) };
    await doctorCommand({ ...options, print: (line) => said.push(line) });
    expect(said).toContain(`good         CouchDB answers at ${fixture().access.url}.`);
    expect(said.at(-1)).toMatch(/^(All is well|One thing is wrong)\.$/);
    for (const value of [secret.toString('base64'), env['COUCHDB_PASSWORD'] ?? '', env['JWT_SECRET'] ?? ''])
      expect(said.join('\n')).not.toContain(value);
  });
}
