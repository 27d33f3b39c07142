import { randomBytes } from 'node:crypto';
import { openUpstream } from '../../../server/upstream/client.ts';
import { getTokenRejection } from '../../../server/upstream/schema/verify-schema.ts';
import { keyIdOf } from '../../../server/upstream/jwt-key-id.ts';
import { readUpdateSequence, type SetupFixture } from './testing/fixture.ts';

const getStatus = async ({ access }: SetupFixture, path: string, authorization: string): Promise<number> => {
  const response = await fetch(access.url + path, { headers: { authorization, accept: 'application/json' } });
  await response.arrayBuffer();
  return response.status;
};

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

const readServerState = async ({ couch, names }: SetupFixture): Promise<unknown[]> => [
  await readUpdateSequence(couch, names.registry),
  await readUpdateSequence(couch, names.sessions),
  await couch.use('_users').get(`org.couchdb.user:${names.service}`),
];

/** Set-up of an empty server, and its second run. */
export function describeFreshInstall(fixture: () => SetupFixture): void {
  it('--dry-run prints the steps, and changes nothing', async () => {
    const { run, couch, names } = fixture();
    const result = await run(['--dry-run']);
    expect(result).toMatchObject({ code: 0, errorLines: [], environment: {} });
    expect(result.outputLines).toContain(`would   create the database ${names.registry}`);
    expect(result.outputLines.at(-1)).toBe('Nothing was changed: this was a dry run.');
    await expect(couch.db.get(names.registry)).rejects.toMatchObject({ statusCode: 404 });
    await expect(couch.use('_users').get(`org.couchdb.user:${names.service}`)).rejects.toMatchObject({
      statusCode: 404,
    });
  });

  it('creates everything, restricted, and prints the environment for gates', async () => {
    const { access, names, newName, couch } = fixture();
    const secret = randomBytes(32);
    const result = await fixture().run([], { COUCHDB_JWT_SECRET: secret.toString('base64') });
    expect(result).toMatchObject({ code: 0, errorLines: [] });
    expect(result.environment).toEqual({
      COUCHDB_URL: access.url,
      COUCHDB_USER: names.service,
      COUCHDB_PASSWORD: expect.stringMatching(/^[\w-]{43}$/) as string,
      REGISTRY_DB: names.registry,
      SESSIONS_DB: names.sessions,
    });
    expect(result.outputLines.join('\n')).toContain(
      'COUCHDB_PASSWORD was generated and cannot be shown again. Save it.',
    );
    expect(result.outputLines.join('\n')).not.toContain(secret.toString('base64'));
    const upstream = openUpstream(access);
    expect(await getTokenRejection(upstream, secret)).toBeUndefined();
    expect(await getTokenRejection(upstream, randomBytes(32))).toContain('Unknown kid');
    await upstream.close();

    const username = newName();
    const account = { name: username, type: 'user', roles: [], password: 'pw' };
    await couch.use<object>('_users').insert({ ...account, _id: `org.couchdb.user:${username}` });
    const databases = [names.registry, names.sessions, '_users'];
    for (const database of databases) {
      expect(await getStatus(fixture(), `/${database}`, basic(username, 'pw'))).toBe(403);
      const { COUCHDB_PASSWORD: password = '' } = result.environment;
      expect(await getStatus(fixture(), `/${database}`, basic(names.service, password))).toBe(200);
    }
  });

  it('changes nothing the second time, and reports that', async () => {
    const before = await readServerState(fixture());
    const result = await fixture().run();
    expect(result).toMatchObject({ code: 0, errorLines: [] });
    expect(result.outputLines).toContain('Nothing had to be changed.');
    expect(result.outputLines.filter((line) => line.startsWith('done'))).toEqual([]);
    expect(result.environment).not.toHaveProperty('COUCHDB_PASSWORD');
    expect(await readServerState(fixture())).toEqual(before);
  });

  it('creates a key if there is none or with --new-secret, and removes the old one with --remove-old-keys', async () => {
    const { access, run } = fixture();
    const upstream = openUpstream(access);
    const createKey = async (): Promise<Buffer> => {
      const { environment } = await run(['--new-secret']);
      return Buffer.from(environment['COUCHDB_JWT_SECRET'] ?? '', 'base64');
    };
    const [old, next] = [await createKey(), await createKey()];
    expect([old.length, next.length]).toEqual([48, 48]);
    // Both are valid while gates are restarted one by one.
    expect([await getTokenRejection(upstream, old), await getTokenRejection(upstream, next)]).toEqual([
      undefined,
      undefined,
    ]);

    const unknown = await run(['--remove-old-keys']);
    expect(unknown.code).toBe(1);
    expect(unknown.errorLines[0]).toContain('Provide its secret in COUCHDB_JWT_SECRET');
    expect(await getTokenRejection(upstream, old)).toBeUndefined();

    const result = await run(['--remove-old-keys'], { COUCHDB_JWT_SECRET: next.toString('base64') });
    expect(result.outputLines).toContainEqual(
      expect.stringMatching(`^done    remove \\[jwt_keys\\] hmac:${keyIdOf(old)} from`),
    );
    expect([await getTokenRejection(upstream, old), await getTokenRejection(upstream, next)]).toEqual([
      expect.stringContaining('Unknown kid'),
      undefined,
    ]);
    await upstream.close();
  });

  it('changes the password with --new-password, and reports a wrong one', async () => {
    const { run, names } = fixture();
    const wrong = await run([], { SERVICE_PASSWORD: 'not this one' });
    expect(wrong.code).toBe(1);
    expect(wrong.errorLines[0]).toContain(`SERVICE_PASSWORD is not the password of the account ${names.service}`);
    const password = randomBytes(16).toString('hex');
    const changed = await run(['--new-password'], { SERVICE_PASSWORD: password });
    expect(changed.code).toBe(0);
    expect(changed.outputLines.join('\n')).not.toContain(password);
    expect((await run([], { SERVICE_PASSWORD: password })).outputLines).toContain('Nothing had to be changed.');
  });

  it('reports credentials that are wrong or not an administrator’s, and changes nothing', async () => {
    const { run, names, newName } = fixture();
    // Not the administrator's name, because CouchDB 3.4 locks an account after five failures.
    const name = newName();
    const wrong = await run([], { COUCHDB_USER: name, COUCHDB_PASSWORD: 'wrong' });
    expect(wrong).toMatchObject({ code: 1, outputLines: [] });
    expect(wrong.errorLines.join()).toContain(`rejects COUCHDB_USER ${name}`);
    const { environment } = await run(['--new-password']);
    const { COUCHDB_USER = '', COUCHDB_PASSWORD = '' } = environment;
    const service = await run([], { COUCHDB_USER, COUCHDB_PASSWORD });
    expect(service).toMatchObject({ code: 1, outputLines: [] });
    expect(service.errorLines.join()).toContain(`${names.service} is not a server admin of CouchDB`);
  });
}
