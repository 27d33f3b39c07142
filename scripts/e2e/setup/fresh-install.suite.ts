import { randomBytes } from 'node:crypto';
import { openUpstream } from '../../../server/upstream/client.ts';
import { getTokenRejection } from '../../../server/upstream/schema/verify-schema.ts';
import { keyIdOf } from '../../../server/upstream/jwt-key-id.ts';
import { readUpdateSequence, type SetupFixture } from './testing/fixture.ts';

const getStatus = async ({ access }: SetupFixture, path: string, authorization: string): Promise<number> => {
  const answer = await fetch(access.url + path, { headers: { authorization, accept: 'application/json' } });
  await answer.arrayBuffer();
  return answer.status;
};

const basic = (name: string, password: string): string =>
  `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;

const readServerState = async ({ couch, names }: SetupFixture): Promise<unknown[]> => [
  await readUpdateSequence(couch, names.registry),
  await readUpdateSequence(couch, names.sessions),
  await couch.use('_users').get(`org.couchdb.user:${names.service}`),
];

/** From nothing to done, and done again. `stage` is asked for anew in each test. */
export function describeFreshInstall(fixture: () => SetupFixture): void {
  it('a dry run says what would be done, and changes nothing', async () => {
    const { run, couch, names } = fixture();
    const ran = await run(['--dry-run']);
    expect(ran).toMatchObject({ code: 0, errorLines: [], environment: {} });
    expect(ran.outputLines).toContain(`would   create the database ${names.registry}`);
    expect(ran.outputLines.at(-1)).toBe('Nothing was changed: this was a dry run.');
    await expect(couch.db.get(names.registry)).rejects.toMatchObject({ statusCode: 404 });
    await expect(couch.use('_users').get(`org.couchdb.user:${names.service}`)).rejects.toMatchObject({
      statusCode: 404,
    });
  });

  it('makes everything out of nothing, locked, and says what gates need', async () => {
    const { access, names, newName, couch } = fixture();
    const secret = randomBytes(32);
    const ran = await fixture().run([], { COUCHDB_JWT_SECRET: secret.toString('base64') });
    expect(ran).toMatchObject({ code: 0, errorLines: [] });
    expect(ran.environment).toEqual({
      COUCHDB_URL: access.url,
      COUCHDB_USER: names.service,
      COUCHDB_PASSWORD: expect.stringMatching(/^[\w-]{43}$/) as string,
      REGISTRY_DB: names.registry,
      SESSIONS_DB: names.sessions,
    });
    expect(ran.outputLines.join('\n')).toContain('COUCHDB_PASSWORD was generated and cannot be shown again. Save it.');
    expect(ran.outputLines.join('\n')).not.toContain(secret.toString('base64'));
    const upstream = openUpstream(access);
    expect(await getTokenRejection(upstream, secret)).toBeUndefined();
    expect(await getTokenRejection(upstream, randomBytes(32))).toContain('Unknown kid');
    await upstream.close();

    const somebody = newName();
    const account = { name: somebody, type: 'user', roles: [], password: 'pw' };
    await couch.use<object>('_users').insert({ ...account, _id: `org.couchdb.user:${somebody}` });
    const databases = [names.registry, names.sessions, '_users'];
    for (const database of databases) {
      expect(await getStatus(fixture(), `/${database}`, basic(somebody, 'pw'))).toBe(403);
      const { COUCHDB_PASSWORD: password = '' } = ran.environment;
      expect(await getStatus(fixture(), `/${database}`, basic(names.service, password))).toBe(200);
    }
  });

  it('a second time nothing is changed, and it says so', async () => {
    const before = await readServerState(fixture());
    const ran = await fixture().run();
    expect(ran).toMatchObject({ code: 0, errorLines: [] });
    expect(ran.outputLines).toContain('Nothing had to be changed.');
    expect(ran.outputLines.filter((line) => line.startsWith('done'))).toEqual([]);
    expect(ran.environment).not.toHaveProperty('COUCHDB_PASSWORD');
    expect(await readServerState(fixture())).toEqual(before);
  });

  it('a key is made where there is none, or when it is asked for; the old one goes when that is asked for', async () => {
    const { access, run } = fixture();
    const upstream = openUpstream(access);
    const made = async (): Promise<Buffer> => {
      const { environment } = await run(['--new-secret']);
      return Buffer.from(environment['COUCHDB_JWT_SECRET'] ?? '', 'base64');
    };
    const [old, next] = [await made(), await made()];
    expect([old.length, next.length]).toEqual([48, 48]);
    // Gates are restarted one by one: meanwhile both hold.
    expect([await getTokenRejection(upstream, old), await getTokenRejection(upstream, next)]).toEqual([
      undefined,
      undefined,
    ]);

    const unknown = await run(['--remove-old-keys']);
    expect(unknown.code).toBe(1);
    expect(unknown.errorLines[0]).toContain('Provide its secret in COUCHDB_JWT_SECRET');
    expect(await getTokenRejection(upstream, old)).toBeUndefined();

    const ran = await run(['--remove-old-keys'], { COUCHDB_JWT_SECRET: next.toString('base64') });
    expect(ran.outputLines).toContainEqual(
      expect.stringMatching(`^done    remove \\[jwt_keys\\] hmac:${keyIdOf(old)} from`),
    );
    expect([await getTokenRejection(upstream, old), await getTokenRejection(upstream, next)]).toEqual([
      expect.stringContaining('Unknown kid'),
      undefined,
    ]);
    await upstream.close();
  });

  it('another password is given when it is asked for, and a wrong one is told', async () => {
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

  it('wrong credentials, and those of no administrator, are told, and nothing is done', async () => {
    const { run, names, newName } = fixture();
    // Not the administrator's own name: CouchDB 3.4 locks an account after five failures.
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
