import {
  DEFAULT_PREFERENCES,
  parseUsername,
  type Username,
} from '../../../couchdb-design/user-document/user-document.ts';
import { telegramLinkSchema } from '../../../server/contract.ts';
import { connect } from '../../../server/upstream/client.ts';
import { expectProblem, startStage, type Stage } from './testing/chat.ts';
import { createDocuments } from '../../../server/telegram/document-store.ts';
import { linkPrefix } from '../../../server/telegram/links/link-documents.ts';
import { CODE_LIFE, createLinks } from '../../../server/telegram/links/links.ts';

let stage: Stage;
beforeAll(async () => {
  stage = await startStage();
});
afterAll(() => stage.close());

test('a code links the chat that says it, once, and the app lists and unlinks it', async () => {
  const user = stage.newUser();
  const person = stage.api.person('Ada <b>', 'ada');
  const { code, url, expiresAt } = await stage.newCode(user);
  expect(url).toBe(`https://t.me/pouchgate_test_bot?start=${code}`);
  expect(code).toMatch(/^[A-Za-z0-9_-]{32}$/);
  expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(CODE_LIFE - 60_000);
  expect(await stage.chatsOf(user)).toEqual([]);

  expect((await person.say(`/start ${code}`)).text).toMatch(new RegExp(`^This chat is linked to ${user}\\.`));
  const [chat, ...others] = await stage.chatsOf(user);
  expect(others).toEqual([]);
  expect(chat).toMatchObject({ id: String(person.id), firstName: 'Ada <b>', username: 'ada' });

  expect((await person.say(`/start ${code}`)).text).toContain('not good');
  const second = stage.api.person('Eve');
  expect((await second.say(`/start ${code}`)).text).toContain('not good');
  expect((await second.say('/preferences')).text).toContain('not linked');
  expect(await stage.chatsOf(user)).toHaveLength(1);

  await expectProblem(await stage.ask(stage.newUser(), `/telegram/${person.id}`, 'DELETE'), 404);
  expect((await stage.ask(user, `/telegram/${person.id}`, 'DELETE')).status).toBe(204);
  await expectProblem(await stage.ask(user, `/telegram/${person.id}`, 'DELETE'), 404);
  expect(await stage.chatsOf(user)).toEqual([]);
  expect((await person.say('/theme dark')).text).toContain('not linked');
  expect((await stage.preferencesOf(user)).preferences).toEqual(DEFAULT_PREFERENCES);
});

test('a code is good for ten minutes, only the newest one, and only its hash is stored', async () => {
  const user = stage.newUser();
  const person = stage.api.person('Late');
  const old = await stage.newCode(user);
  const newer = await stage.newCode(user);
  expect((await person.say(`/start ${old.code}`)).text).toContain('not good');
  stage.skip(CODE_LIFE);
  expect((await person.say(`/start ${newer.code}`)).text).toContain('not good');
  const { code } = await stage.newCode(user);
  const sessions = stage.gate.pouchgate.upstream;
  const all = await fetch(`${sessions.url}/${stage.gate.upstream.names.sessions}/_all_docs?include_docs=true`, {
    headers: { authorization: `Basic ${btoa(`${sessions.username}:${sessions.password}`)}` },
  });
  const text = await all.text();
  expect(text).toContain(`telegram-code-of:${user}`);
  expect(text).not.toContain(code);
  stage.skip(CODE_LIFE - 1_000);
  expect((await person.say(`/start ${code}`)).text).toContain(`linked to ${user}`);
});

test('a chat is linked to one user at most: another link takes its place and says so', async () => {
  const { user, person } = await stage.linked();
  const other = stage.newUser();
  const { code } = await stage.newCode(other);
  expect((await person.say(`/start ${code}`)).text).toContain(`linked to ${other} now, and no longer to ${user}`);
  expect(await stage.chatsOf(user)).toEqual([]);
  expect(await stage.chatsOf(other)).toHaveLength(1);
  const again = await stage.newCode(other);
  expect((await person.say(`/start ${again.code}`)).text).toContain(`linked to ${other} again`);
  expect(await stage.chatsOf(other)).toHaveLength(1);
});

test('a suspended account’s chat and code do nothing until it is restored', async () => {
  const { user, person } = await stage.linked(stage.gate.upstream.account(stage.newUser()));
  await person.say('/preferences');
  const { code } = await stage.newCode(user);
  const { accounts } = stage.gate.pouchgate.identity;
  const name = (
    await stage.gate.pouchgate.identity.authenticate({ authorization: [`Bearer ${stage.gate.token(user)}`] })
  ).username;
  await accounts.suspend(name);
  expect((await person.say('/theme dark')).text).toBe('The account is suspended.');
  expect((await person.say('/preferences')).text).toBe('The account is suspended.');
  expect(await person.press('Dark')).toEqual({ notice: 'The account is suspended.', edited: undefined });
  expect((await stage.api.person('New').say(`/start ${code}`)).text).toBe('The account is suspended.');
  await accounts.restore(name);
  expect((await stage.preferencesOf(user)).edits).toEqual({});
  expect((await person.say('/theme dark')).text).toBe('Theme: dark');
});

test('a device that is signed out has given no code that is still good, and a link stays', async () => {
  const user = stage.gate.upstream.account(stage.newUser());
  const credentials = JSON.stringify({ username: user, password: 'long enough' });
  const headers = { 'content-type': 'application/json' };
  const registered = await fetch(`${stage.gate.url}/api/auth/register`, { method: 'POST', headers, body: credentials });
  const { accessToken, sessionId } = (await registered.json()) as { accessToken: string; sessionId: string };
  const link = async () => {
    const authorization = `Bearer ${accessToken}`;
    const answer = await fetch(`${stage.gate.url}/api/users/telegram/link`, {
      method: 'POST',
      headers: { authorization },
    });
    return telegramLinkSchema.parse(await answer.json()).code;
  };
  const person = stage.api.person('Stays');
  expect((await person.say(`/start ${await link()}`)).text).toContain(`linked to ${user}`);
  const code = await link();
  const name = (await stage.gate.pouchgate.identity.authenticate({ authorization: [`Bearer ${accessToken}`] }))
    .username;
  await stage.gate.pouchgate.identity.sessions.end(name, sessionId);
  expect((await stage.api.person('Thief').say(`/start ${code}`)).text).toContain('session is over');
  expect((await person.say('/theme dark')).text).toBe('Theme: dark');
});

test('without a good token there is nothing', async () => {
  await expectProblem(await fetch(`${stage.gate.url}/api/users/telegram`), 401);
  await expectProblem(await fetch(`${stage.gate.url}/api/users/telegram/link`, { method: 'POST' }), 401);
  await expectProblem(await stage.ask(stage.newUser(), '/telegram/link'), 405);
  await expectProblem(await stage.ask(stage.newUser(), '/telegram/x', 'DELETE'), 404);
});

test('codes are few for each user: beyond that one waits', async () => {
  const strict = await startStage({ rateLimits: { telegramCodeByName: { windowMs: 60_000, limit: 2 } } });
  await strict.newCode('ada');
  await strict.newCode('ada');
  const refused = await strict.ask('ada', '/telegram/link', 'POST');
  expect(Number(refused.headers.get('retry-after'))).toBeGreaterThan(0);
  await expectProblem(refused, 429);
  await strict.newCode('bob');
  await strict.close();
});

test('a user has ten chats at most, and erasing an account leaves nothing of its links', async () => {
  const user = stage.newUser();
  for (let count = 0; count < 10; count += 1) await stage.linked(user);
  const eleventh = stage.api.person('Eleventh');
  expect((await eleventh.say(`/start ${(await stage.newCode(user)).code}`)).text).toContain('Too many chats');
  expect(await stage.chatsOf(user)).toHaveLength(10);
  const { code } = await stage.newCode(user);

  const { upstream, pouchgate } = stage.gate;
  const documents = createDocuments(connect(pouchgate.upstream), upstream.names.sessions);
  await createLinks(documents, Date.now).forget(parseUsername(user) as Username);
  expect(await stage.chatsOf(user)).toEqual([]);
  expect((await eleventh.say(`/start ${code}`)).text).toContain('not good');
  const left = await documents.idsOf('telegram-');
  expect(await documents.idsOf(linkPrefix(parseUsername(user) as Username))).toEqual([]);
  expect(left).not.toContain(`telegram-code-of:${user}`);
});
