import {
  DEFAULT_PREFERENCES,
  parseUsername,
  type Username,
} from '../../../couchdb-design/user-document/user-document.ts';
import { telegramLinkSchema } from '../../../server/contract.ts';
import { connect } from '../../../server/upstream/client.ts';
import { expectProblem, createChatFixture, type ChatFixture } from './testing/chat.ts';
import { createDocumentStore } from '../../../server/telegram/document-store.ts';
import { linkIdPrefix } from '../../../server/telegram/links/link-documents.ts';
import { CODE_LIFETIME_MS, createLinks } from '../../../server/telegram/links/links.ts';

let fixture: ChatFixture;
beforeAll(async () => {
  fixture = await createChatFixture();
});
afterAll(() => fixture.close());

const SUSPENDED = 'The account is suspended. Ask the operator to restore it.';

test('a code links the chat that sends it, once, and the app lists and unlinks it', async () => {
  const user = fixture.newUser();
  const person = fixture.api.createPerson('Ada <b>', 'ada');
  const { code, url, expiresAt } = await fixture.createCode(user);
  expect(url).toBe(`https://t.me/pouchgate_test_bot?start=${code}`);
  expect(code).toMatch(/^[A-Za-z0-9_-]{32}$/);
  expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(CODE_LIFETIME_MS - 60_000);
  expect(await fixture.listChats(user)).toEqual([]);

  expect((await person.sendMessage(`/start ${code}`)).text).toMatch(new RegExp(`^This chat is linked to ${user}\\.`));
  const [chat, ...others] = await fixture.listChats(user);
  expect(others).toEqual([]);
  expect(chat).toMatchObject({ id: String(person.id), firstName: 'Ada <b>', username: 'ada' });

  expect((await person.sendMessage(`/start ${code}`)).text).toContain('not valid');
  const second = fixture.api.createPerson('Eve');
  expect((await second.sendMessage(`/start ${code}`)).text).toContain('not valid');
  expect((await second.sendMessage('/preferences')).text).toContain('not linked');
  expect(await fixture.listChats(user)).toHaveLength(1);

  await expectProblem(await fixture.request(fixture.newUser(), `/telegram/${person.id}`, 'DELETE'), 404);
  expect((await fixture.request(user, `/telegram/${person.id}`, 'DELETE')).status).toBe(204);
  await expectProblem(await fixture.request(user, `/telegram/${person.id}`, 'DELETE'), 404);
  expect(await fixture.listChats(user)).toEqual([]);
  expect((await person.sendMessage('/theme dark')).text).toContain('not linked');
  expect((await fixture.readPreferences(user)).preferences).toEqual(DEFAULT_PREFERENCES);
});

test('only the newest code is valid, for ten minutes, and only its hash is stored', async () => {
  const user = fixture.newUser();
  const person = fixture.api.createPerson('Late');
  const old = await fixture.createCode(user);
  const newer = await fixture.createCode(user);
  expect((await person.sendMessage(`/start ${old.code}`)).text).toContain('not valid');
  fixture.advanceTime(CODE_LIFETIME_MS);
  expect((await person.sendMessage(`/start ${newer.code}`)).text).toContain('not valid');
  const { code } = await fixture.createCode(user);
  const sessions = fixture.gate.pouchgate.upstream;
  const all = await fetch(`${sessions.url}/${fixture.gate.upstream.names.sessions}/_all_docs?include_docs=true`, {
    headers: { authorization: `Basic ${btoa(`${sessions.username}:${sessions.password}`)}` },
  });
  const text = await all.text();
  expect(text).toContain(`telegram-code-of:${user}`);
  expect(text).not.toContain(code);
  fixture.advanceTime(CODE_LIFETIME_MS - 1_000);
  expect((await person.sendMessage(`/start ${code}`)).text).toContain(`linked to ${user}`);
});

test('a chat is linked to at most one user: a new link replaces the old one, and the reply reports it', async () => {
  const { user, person } = await fixture.createLinkedPerson();
  const other = fixture.newUser();
  const { code } = await fixture.createCode(other);
  expect((await person.sendMessage(`/start ${code}`)).text).toContain(
    `linked to ${other} now, and no longer to ${user}`,
  );
  expect(await fixture.listChats(user)).toEqual([]);
  expect(await fixture.listChats(other)).toHaveLength(1);
  const second = await fixture.createCode(other);
  expect((await person.sendMessage(`/start ${second.code}`)).text).toContain(`linked to ${other} again`);
  expect(await fixture.listChats(other)).toHaveLength(1);
});

test('a chat is linked to a user of an identity provider, and shows the subject', async () => {
  const subject = 'auth0|Ada Lovelace';
  const { person } = await fixture.createLinkedPerson(subject);
  expect(await fixture.listChats(subject)).toHaveLength(1);
  expect((await person.sendMessage('/theme dark')).text).toBe('Theme: dark');
  expect((await person.sendMessage('/preferences')).text).toContain(`Preferences of ${subject}`);
  const { code } = await fixture.createCode(subject);
  expect((await person.sendMessage(`/start ${code}`)).text).toContain(`linked to ${subject} again`);
});

test('the chat and the code of a suspended account have no effect until it is restored', async () => {
  const { user, person } = await fixture.createLinkedPerson(fixture.gate.upstream.accountName(fixture.newUser()));
  await person.sendMessage('/preferences');
  const { code } = await fixture.createCode(user);
  const { accounts } = fixture.gate.pouchgate.identity;
  const name = (
    await fixture.gate.pouchgate.identity.authenticate({ authorization: [`Bearer ${fixture.gate.token(user)}`] })
  ).username;
  await accounts.suspend(name);
  expect((await person.sendMessage('/theme dark')).text).toBe(SUSPENDED);
  expect((await person.sendMessage('/preferences')).text).toBe(SUSPENDED);
  expect(await person.pressButton('Dark')).toEqual({ notice: SUSPENDED, edited: undefined });
  expect((await fixture.api.createPerson('New').sendMessage(`/start ${code}`)).text).toBe(SUSPENDED);
  await accounts.restore(name);
  expect((await fixture.readPreferences(user)).edits).toEqual({});
  expect((await person.sendMessage('/theme dark')).text).toBe('Theme: dark');
});

test('signing out a device invalidates its codes and keeps its links', async () => {
  const user = fixture.gate.upstream.accountName(fixture.newUser());
  const credentials = JSON.stringify({ username: user, password: 'long enough' });
  const headers = { 'content-type': 'application/json' };
  const registered = await fetch(`${fixture.gate.url}/api/auth/register`, {
    method: 'POST',
    headers,
    body: credentials,
  });
  const { accessToken, sessionId } = (await registered.json()) as { accessToken: string; sessionId: string };
  const link = async () => {
    const authorization = `Bearer ${accessToken}`;
    const response = await fetch(`${fixture.gate.url}/api/users/telegram/link`, {
      method: 'POST',
      headers: { authorization },
    });
    return telegramLinkSchema.parse(await response.json()).code;
  };
  const person = fixture.api.createPerson('Stays');
  expect((await person.sendMessage(`/start ${await link()}`)).text).toContain(`linked to ${user}`);
  const code = await link();
  const name = (await fixture.gate.pouchgate.identity.authenticate({ authorization: [`Bearer ${accessToken}`] }))
    .username;
  await fixture.gate.pouchgate.identity.sessions.end(name, sessionId);
  expect((await fixture.api.createPerson('Thief').sendMessage(`/start ${code}`)).text).toContain('session has ended');
  expect((await person.sendMessage('/theme dark')).text).toBe('Theme: dark');
});

test('the routes reject requests without a valid token, and unknown ids', async () => {
  await expectProblem(await fetch(`${fixture.gate.url}/api/users/telegram`), 401);
  await expectProblem(await fetch(`${fixture.gate.url}/api/users/telegram/link`, { method: 'POST' }), 401);
  await expectProblem(await fixture.request(fixture.newUser(), '/telegram/link'), 405);
  await expectProblem(await fixture.request(fixture.newUser(), '/telegram/x', 'DELETE'), 404);
});

test('codes are rate-limited per user', async () => {
  const strict = await createChatFixture({ rateLimits: { telegramCodeByName: { windowMs: 60_000, limit: 2 } } });
  await strict.createCode('ada');
  await strict.createCode('ada');
  const refused = await strict.request('ada', '/telegram/link', 'POST');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  await expectProblem(refused, 429);
  await strict.createCode('bob');
  await strict.close();
});

test('a user has at most ten chats, and erasing an account removes all documents of its links', async () => {
  const user = fixture.newUser();
  for (let count = 0; count < 10; count += 1) await fixture.createLinkedPerson(user);
  const eleventh = fixture.api.createPerson('Eleventh');
  expect((await eleventh.sendMessage(`/start ${(await fixture.createCode(user)).code}`)).text).toContain(
    'Too many chats',
  );
  expect(await fixture.listChats(user)).toHaveLength(10);
  const { code } = await fixture.createCode(user);

  const { upstream, pouchgate } = fixture.gate;
  const documents = createDocumentStore(connect(pouchgate.upstream), upstream.names.sessions);
  await createLinks(documents, Date.now).deleteByUser(parseUsername(user) as Username);
  expect(await fixture.listChats(user)).toEqual([]);
  expect((await eleventh.sendMessage(`/start ${code}`)).text).toContain('not valid');
  const remaining = await documents.listIds('telegram-');
  expect(await documents.listIds(linkIdPrefix(parseUsername(user) as Username))).toEqual([]);
  expect(remaining).not.toContain(`telegram-code-of:${user}`);
});
