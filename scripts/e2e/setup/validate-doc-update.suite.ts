import { randomBytes } from 'node:crypto';
import { IncomingMessage, ServerResponse } from 'node:http';
import { Socket } from 'node:net';
import jwt from 'jsonwebtoken';
import { usernameOf } from '../../../couchdb-design/testing/arbitraries.ts';
import { newUserDocument, parseUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import { createForward, type UpstreamResponse, type UpstreamRequest } from '../../../server/upstream/forward.ts';
import { createForwardAgent } from '../../../server/upstream/forward-agent.ts';
import { upstreamAuthorization, type AuthorizationFor } from '../../../server/upstream/authorization.ts';
import { keyIdOf } from '../../../server/upstream/jwt-key-id.ts';
import type { SetupFixture } from './testing/fixture.ts';

function toUsername(name: string): Username {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username.`);
  return username;
}

/**
 * CouchDB's own checks, without the gate's: requests that the gate never builds, sent with its code as the user that a bug
 * would send them as.
 */
export function describeValidateDocUpdate(fixture: () => SetupFixture): void {
  const secret = randomBytes(32);
  const [alice, bob] = [toUsername('alice'), toUsername('bob')];
  let agent: ReturnType<typeof createForwardAgent>;
  let authorizationFor: AuthorizationFor;

  beforeAll(async () => {
    const { run, access } = fixture();
    expect((await run([], { COUCHDB_JWT_SECRET: secret.toString('base64') })).code).toBe(0);
    agent = createForwardAgent(access.url);
    // With wrong credentials, so that only the token is accepted.
    authorizationFor = upstreamAuthorization({ ...access, username: 'nobody', password: 'nothing' }, secret, Date.now);
    await registry().insert({ ...newUserDocument(bob, new Date()) });
  });
  afterAll(() => agent.destroy());

  const registry = () => fixture().couch.use<Record<string, unknown>>(fixture().names.registry);
  const readBobLeaves = (): Promise<unknown> =>
    fixture().couch.request({ db: fixture().names.registry, path: 'user_bob', qs: { open_revs: 'all', revs: 'true' } });
  const sendAs = (
    username: Username,
    path: readonly string[],
    rest: Partial<UpstreamRequest> = {},
  ): Promise<UpstreamResponse> => {
    const request = { method: 'GET', path, authorization: authorizationFor(username), ...rest } as const;
    const res = new ServerResponse(new IncomingMessage(new Socket()));
    return createForward(fixture().access.url, { agent })(request, res);
  };
  const sendToRegistry = (
    username: Username,
    path: string,
    rest: Partial<UpstreamRequest>,
  ): Promise<UpstreamResponse> => sendAs(username, [fixture().names.registry, path], rest);
  const bobDocument = (changes: object): object => ({
    ...newUserDocument(bob, new Date()),
    preferences: { theme: 'dark' },
    ...changes,
  });

  it('lets a user write their own document', async () => {
    const own = { ...newUserDocument(alice, new Date()) };
    expect(await sendToRegistry(alice, 'user_alice', { method: 'PUT', body: own })).toMatchObject({ status: 201 });
    const replicated = { docs: [{ ...own, _rev: `2-${'a'.repeat(32)}` }], new_edits: false };
    const response = await sendToRegistry(alice, '_bulk_docs', { method: 'POST', body: replicated });
    expect(response).toMatchObject({ status: 201, body: [] });
  });

  it.each(['auth0|5f7c', 'Alice', 'alice ', '😀'.repeat(255)])(
    'lets the user with the subject %j write their own document only',
    async (subject) => {
      const username = usernameOf(subject);
      const own = newUserDocument(username, new Date());
      expect(await sendToRegistry(username, own._id, { method: 'PUT', body: own })).toMatchObject({ status: 201 });
      const others = ['user_carol', 'user_=42ob', `user_${subject}`, `${own._id}=61`].map((_id) => ({ ...own, _id }));
      const response = await sendToRegistry(username, '_bulk_docs', { method: 'POST', body: { docs: others } });
      expect(response.body).toEqual(
        others.map(({ _id }) => expect.objectContaining({ id: _id, error: 'forbidden' }) as unknown),
      );
    },
  );

  it("rejects writes to another user's document: an edit, a replicated revision, a forged root, a deletion", async () => {
    const before = await readBobLeaves();
    const { _rev } = await registry().get('user_bob');
    const edits = { docs: [bobDocument({ _rev }), { _id: 'user_bob', _rev, _deleted: true }] };
    const replicated = {
      docs: [bobDocument({ _rev: `2-${'b'.repeat(32)}` }), bobDocument({ _rev: `99-${'f'.repeat(32)}` })],
      new_edits: false,
    };
    for (const body of [edits, replicated]) {
      const response = await sendToRegistry(alice, '_bulk_docs', { method: 'POST', body });
      expect(response.body).toEqual(
        [0, 1].map(() => expect.objectContaining({ id: 'user_bob', error: 'forbidden' }) as unknown),
      );
    }
    // The gate answers 502 to an upstream 403.
    const put = sendToRegistry(alice, 'user_bob', { method: 'PUT', body: bobDocument({ _rev }) });
    await expect(put).rejects.toMatchObject({ status: 502 });
    await expect(sendToRegistry(alice, 'user_bob', { method: 'DELETE', query: { rev: _rev } })).rejects.toMatchObject({
      status: 502,
    });
    expect(await readBobLeaves()).toEqual(before);
  });

  it('rejects documents of no user, malformed documents, and design documents', async () => {
    const own = newUserDocument(alice, new Date());
    const { _rev } = await registry().get('user_alice');
    const docs = [{ _id: 'note' }, { ...own, _id: 'user_alice', _rev, isAdmin: true }];
    const response = await sendToRegistry(alice, '_bulk_docs', { method: 'POST', body: { docs } });
    expect(response.body).toEqual(
      docs.map(({ _id }) => expect.objectContaining({ id: _id, error: 'forbidden' }) as unknown),
    );
    const design = sendAs(alice, [fixture().names.registry, '_design', 'mine'], { method: 'PUT', body: { views: {} } });
    await expect(design).rejects.toMatchObject({ status: 502 });
  });

  it('rejects requests of users for sessions, accounts and settings', async () => {
    const { sessions } = fixture().names;
    for (const path of [
      [sessions],
      [sessions, '_all_docs'],
      ['_users'],
      ['_users', '_all_docs'],
      ['_node', '_local', '_config'],
    ]) {
      await expect(sendAs(alice, path)).rejects.toMatchObject({ status: 502 });
    }
  });

  it('rejects tokens without the role, of another secret, without a key id, and expired ones', async () => {
    const exp = Math.floor(Date.now() / 1000) + 60;
    const claims = { sub: 'alice', '_couchdb.roles': ['registry_user'], exp };
    const sign = (payload: object, key: Buffer, header: { keyid?: string }): string =>
      `Bearer ${jwt.sign(payload, key, { algorithm: 'HS256', noTimestamp: true, ...header })}`;
    const keyid = keyIdOf(secret);
    const statuses: number[] = [];
    for (const authorization of [
      sign(claims, secret, { keyid }),
      sign({ sub: 'alice', exp }, secret, { keyid }),
      sign(claims, randomBytes(32), { keyid }),
      sign(claims, secret, {}),
      sign({ ...claims, exp: exp - 120 }, secret, { keyid }),
    ]) {
      const { access, names } = fixture();
      const response = await fetch(`${access.url}/${names.registry}`, { headers: { authorization } });
      await response.arrayBuffer();
      statuses.push(response.status);
    }
    expect(statuses).toEqual([200, 403, 400, 400, 401]);
  });
}
