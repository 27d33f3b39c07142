import { DEFAULT_PREFERENCES } from '../../couchdb-design/user-document.ts';
import { problemSchema, telegramChatsSchema, telegramLinkSchema, userPreferencesSchema } from '../contract.ts';
import { startForTests, type TestGate } from '../start-for-tests.ts';
import { startBotApi, type BotApi, type Person } from './bot-api-kit.ts';
import { CODE_LIFE } from './links.ts';

let api: BotApi;
let gate: TestGate;
let skipped = 0;
beforeAll(async () => {
  api = await startBotApi();
  const env = { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.root() };
  const now = (): number => Date.now() + skipped;
  gate = await startForTests(env, { telegramTimes: { waits: { first: 20, longest: 100 }, now } });
  await api.heard(({ method }) => method === 'getUpdates');
});
afterAll(async () => {
  await gate.close();
  await api.close();
});

let users = 0;
const newUser = (): string => `chatty${(users += 1)}`;
const ask = (user: string, path: string, method = 'GET', claims: object = {}): Promise<Response> =>
  fetch(`${gate.url}/api/users${path}`, {
    method,
    headers: { authorization: `Bearer ${gate.token(user, claims)}` },
  });
const newCode = async (user: string) => {
  const answer = await ask(user, '/telegram/link', 'POST');
  expect(answer.status).toBe(201);
  return telegramLinkSchema.parse(await answer.json());
};
const chatsOf = async (user: string) => telegramChatsSchema.parse(await (await ask(user, '/telegram')).json()).chats;
const preferencesOf = async (user: string) =>
  userPreferencesSchema.parse(await (await ask(user, '/preferences')).json());
const problem = async (answer: Response, status: number): Promise<void> => {
  expect(answer.status).toBe(status);
  expect(problemSchema.parse(await answer.json()).status).toBe(status);
};
/** Somebody whose chat is linked. */
const linked = async (user = newUser()): Promise<{ user: string; person: Person }> => {
  const person = api.person(`Person of ${user}`);
  expect((await person.say(`/start ${(await newCode(user)).code}`)).text).toContain(`linked to ${user}`);
  return { user, person };
};

test('a code links the chat that says it, once, and the app lists and unlinks it', async () => {
  const user = newUser();
  const person = api.person('Ada <b>', 'ada');
  const { code, url, expiresAt } = await newCode(user);
  expect(url).toBe(`https://t.me/pouchgate_test_bot?start=${code}`);
  expect(code).toMatch(/^[A-Za-z0-9_-]{32}$/);
  expect(Date.parse(expiresAt) - Date.now()).toBeGreaterThan(CODE_LIFE - 60_000);
  expect(await chatsOf(user)).toEqual([]);

  expect((await person.say(`/start ${code}`)).text).toMatch(new RegExp(`^This chat is linked to ${user}\\.`));
  const [chat, ...others] = await chatsOf(user);
  expect(others).toEqual([]);
  expect(chat).toMatchObject({ id: String(person.id), firstName: 'Ada <b>', username: 'ada' });

  expect((await person.say(`/start ${code}`)).text).toContain('not good');
  const second = api.person('Eve');
  expect((await second.say(`/start ${code}`)).text).toContain('not good');
  expect((await second.say('/preferences')).text).toContain('not linked');
  expect(await chatsOf(user)).toHaveLength(1);

  await problem(await ask(newUser(), `/telegram/${person.id}`, 'DELETE'), 404);
  expect((await ask(user, `/telegram/${person.id}`, 'DELETE')).status).toBe(204);
  await problem(await ask(user, `/telegram/${person.id}`, 'DELETE'), 404);
  expect(await chatsOf(user)).toEqual([]);
  expect((await person.say('/theme dark')).text).toContain('not linked');
  expect((await preferencesOf(user)).preferences).toEqual(DEFAULT_PREFERENCES);
});

test('a code is good for ten minutes, only the newest one, and only its hash is stored', async () => {
  const user = newUser();
  const person = api.person('Late');
  const old = await newCode(user);
  const newer = await newCode(user);
  expect((await person.say(`/start ${old.code}`)).text).toContain('not good');
  skipped += CODE_LIFE;
  expect((await person.say(`/start ${newer.code}`)).text).toContain('not good');
  const { code } = await newCode(user);
  const sessions = gate.pouchgate.upstream;
  const all = await fetch(`${sessions.url}/${gate.upstream.names.sessions}/_all_docs?include_docs=true`, {
    headers: { authorization: `Basic ${btoa(`${sessions.username}:${sessions.password}`)}` },
  });
  const text = await all.text();
  expect(text).toContain(`telegram-code-of:${user}`);
  expect(text).not.toContain(code);
  skipped += CODE_LIFE - 1_000;
  expect((await person.say(`/start ${code}`)).text).toContain(`linked to ${user}`);
});

test('a chat is linked to one user at most: another link takes its place and says so', async () => {
  const { user, person } = await linked();
  const other = newUser();
  const { code } = await newCode(other);
  expect((await person.say(`/start ${code}`)).text).toContain(`linked to ${other} now, and no longer to ${user}`);
  expect(await chatsOf(user)).toEqual([]);
  expect(await chatsOf(other)).toHaveLength(1);
  const again = await newCode(other);
  expect((await person.say(`/start ${again.code}`)).text).toContain(`linked to ${other} again`);
  expect(await chatsOf(other)).toHaveLength(1);
});

test.each([
  ['/theme dark', { theme: 'dark' }, 'Theme: dark'],
  ['/THEME@pouchgate_test_bot  Light', { theme: 'light' }, 'Theme: light'],
  ['/view table', { viewMode: 'table' }, 'View: table'],
  ['/briefing on 07:30', { dailyBriefing: true, briefingTime: '07:30' }, 'Daily briefing: on, at 07:30 (UTC)'],
  ['/briefing off', { dailyBriefing: false }, 'Daily briefing: off'],
  ['/recap on 6:05', { dailyRecap: true, recapTime: '06:05' }, 'Daily recap: on, at 06:05 (UTC)'],
  ['/recap on', { dailyRecap: true }, 'Daily recap: on, at 18:00 (UTC)'],
  ['/recap off', { dailyRecap: false }, 'Daily recap: off'],
  ['/sidebar off', { activitySidebarOpen: false }, 'Activity sidebar: off'],
  ['/timezone europe/vienna', { timezone: 'Europe/Vienna' }, 'Time zone: Europe/Vienna'],
])('%s is an edit by Telegram', async (command, patch, says) => {
  const { user, person } = await linked();
  expect((await person.say(command)).text).toBe(says);
  const { preferences, edits } = await preferencesOf(user);
  expect(preferences).toEqual({ ...DEFAULT_PREFERENCES, ...patch });
  expect(Object.keys(edits).sort()).toEqual(Object.keys(patch).sort());
  expect(Object.values(edits).map(({ by }) => by)).toEqual(Object.keys(patch).map(() => 'telegram'));
});

test.each([
  ['/theme pink', '/theme light'],
  ['/theme', '/theme light'],
  ['/briefing on 25:00', '/briefing on 07:30'],
  ['/briefing off 07:30', '/briefing on 07:30'],
  ['/recap maybe', '/recap on 18:00'],
  ['/timezone Middle/Earth', '/timezone Europe/Vienna'],
  ['/view kanban table', '/view kanban'],
  ['/brief on', '/briefing on 07:30'],
  ['theme dark', '/theme light'],
  ['/start a b', 'one code'],
  ['/nothing', 'I do not understand'],
  ['hello', 'I do not understand'],
  ['', 'I do not understand'],
])('%p changes nothing, and is told how it is said', async (text, says) => {
  const { user, person } = await linked();
  expect((await person.say(text)).text).toContain(says);
  expect((await preferencesOf(user)).edits).toEqual({});
});

test('/start, /help and /unlink say what holds', async () => {
  const stranger = api.person('Nobody');
  expect((await stranger.say('/start')).text).toContain('Devices');
  expect((await stranger.say('/help')).text).toContain('/timezone Europe/Vienna');
  expect((await stranger.say('/unlink')).text).toContain('not linked');
  const { user, person } = await linked();
  expect((await person.say('/start')).text).toContain(`linked to ${user}`);
  expect((await person.say('/unlink')).text).toContain('no longer linked');
  expect((await person.say('/preferences')).text).toContain('not linked');
  expect(await chatsOf(user)).toEqual([]);
});

test('/preferences shows all, and its buttons edit and are shown anew', async () => {
  const { user, person } = await linked();
  const body = JSON.stringify({
    selectedTags: ['<b>*bold*</b>', '[x](http://x)'],
    tableColumns: Array(30).fill('ä'.repeat(40)),
  });
  const headers = { authorization: `Bearer ${gate.token(user)}`, 'content-type': 'application/json' };
  expect((await fetch(`${gate.url}/api/users/preferences`, { method: 'PATCH', headers, body })).status).toBe(200);
  const shown = await person.say('/preferences');
  expect(shown.text).toContain('Tags: <b>*bold*</b>, [x](http://x)');
  expect(shown).not.toHaveProperty('parse_mode');
  expect(shown.text).toContain('and 20 more');
  expect(person.buttons.map(({ text }) => text)).toContain('✓ System');

  const pressed = await person.press('Dark');
  expect(pressed.notice).toBe('Theme: dark');
  expect(pressed.edited).toContain('Theme: dark');
  expect(person.buttons.map(({ text }) => text)).toContain('✓ Dark');
  expect((await person.press('Daily briefing on')).notice).toBe('Daily briefing: on, at 07:00 (UTC)');
  expect((await person.press('Table')).edited).toContain('View: table');
  const { preferences, edits } = await preferencesOf(user);
  expect(preferences).toMatchObject({ theme: 'dark', dailyBriefing: true, viewMode: 'table' });
  expect(edits['theme']).toMatchObject({ by: 'telegram' });
});

test('what no button says does nothing, nor does a button of a link that is over', async () => {
  const { user, person } = await linked();
  await person.say('/preferences');
  const [dark] = person.buttons.filter(({ text }) => text === 'Dark').map((button) => button.callback_data);
  const [tag] = (dark ?? '').split(':');
  const wrong = ['', 'x', `${tag}:theme:pink`, `${tag}:__proto__:on`, `${tag}:theme:dark:x`, `${tag}:timezone:UTC`];
  for (const data of [...wrong, `AAAAAAAA:theme:dark`, `${'a'.repeat(60)}:x`]) {
    const { notice, edited } = await person.pressData(data);
    expect(notice).toContain('from before');
    expect(edited).toBeUndefined();
  }
  await person.say('/unlink');
  expect(await person.pressData(dark ?? '')).toMatchObject({ edited: undefined });
  const other = newUser();
  await person.say(`/start ${(await newCode(other)).code}`);
  expect((await person.pressData(dark ?? '')).notice).toContain('from before');
  for (const each of [user, other]) expect((await preferencesOf(each)).edits).toEqual({});
});

test.each(['group', 'supergroup', 'channel'])('in a %s nothing is told and nothing linked', async (type) => {
  const user = newUser();
  const { code } = await newCode(user);
  const chat = { id: -1_000_000 - users, type, title: 'A group' };
  const from = { id: 1, is_bot: false, first_name: 'Member' };
  const said = (text: string): object => ({
    message_id: 1,
    date: 1,
    chat,
    text,
    ...(type === 'channel' ? {} : { from }),
  });
  const kind = type === 'channel' ? 'channel_post' : 'message';
  const before = api.calls.length;
  api.update({ [kind]: said('just talk') });
  api.update({ [kind]: said('/start@another_bot') });
  api.update({ [kind]: said(`/start ${code}`) });
  const { payload } = await api.heard((call) => call.payload.chat_id === chat.id, before);
  expect(payload.text).toMatch(/private chats only/);
  api.update({ callback_query: { id: `g${type}`, from, chat_instance: '1', data: 'x', message: said('old') } });
  const press = await api.heard((call) => call.payload.callback_query_id === `g${type}`, before);
  expect(press.payload.text).toMatch(/private chats only/);
  expect(api.calls.filter((call) => call.payload.chat_id === chat.id)).toHaveLength(1);
  expect(await chatsOf(user)).toEqual([]);
  expect((await api.person('Owner').say(`/start ${code}`)).text).toContain(`linked to ${user}`);
});

test('a suspended account’s chat and code do nothing until it is restored', async () => {
  const { user, person } = await linked(gate.upstream.account(newUser()));
  await person.say('/preferences');
  const { code } = await newCode(user);
  const { accounts } = gate.pouchgate.identity;
  const name = (await gate.pouchgate.identity.authenticate({ authorization: [`Bearer ${gate.token(user)}`] })).username;
  await accounts.suspend(name);
  expect((await person.say('/theme dark')).text).toBe('The account is suspended.');
  expect((await person.say('/preferences')).text).toBe('The account is suspended.');
  expect(await person.press('Dark')).toEqual({ notice: 'The account is suspended.', edited: undefined });
  expect((await api.person('New').say(`/start ${code}`)).text).toBe('The account is suspended.');
  await accounts.restore(name);
  expect((await preferencesOf(user)).edits).toEqual({});
  expect((await person.say('/theme dark')).text).toBe('Theme: dark');
});

test('a device that is signed out has given no code that is still good, and a link stays', async () => {
  const user = gate.upstream.account(newUser());
  const credentials = JSON.stringify({ username: user, password: 'long enough' });
  const headers = { 'content-type': 'application/json' };
  const registered = await fetch(`${gate.url}/api/auth/register`, { method: 'POST', headers, body: credentials });
  const { accessToken, sessionId } = (await registered.json()) as { accessToken: string; sessionId: string };
  const link = async () => {
    const authorization = `Bearer ${accessToken}`;
    const answer = await fetch(`${gate.url}/api/users/telegram/link`, { method: 'POST', headers: { authorization } });
    return telegramLinkSchema.parse(await answer.json()).code;
  };
  const person = api.person('Stays');
  expect((await person.say(`/start ${await link()}`)).text).toContain(`linked to ${user}`);
  const code = await link();
  const name = (await gate.pouchgate.identity.authenticate({ authorization: [`Bearer ${accessToken}`] })).username;
  await gate.pouchgate.identity.sessions.end(name, sessionId);
  expect((await api.person('Thief').say(`/start ${code}`)).text).toContain('session is over');
  expect((await person.say('/theme dark')).text).toBe('Theme: dark');
});

test('an edit is in the hands of a live client within a second', async () => {
  const { user, person } = await linked();
  const first = await gate.request(user, '/_changes', { method: 'POST', body: {} });
  const { last_seq: since } = (await first.json()) as { last_seq: string };
  const live = gate.request(user, `/_changes?feed=longpoll&include_docs=true&since=${since}`, {
    method: 'POST',
    body: {},
  });
  while (gate.pouchgate.hub.size === 0) await new Promise(setImmediate);
  const begun = performance.now();
  await person.say('/theme dark');
  const { results } = (await (await live).json()) as { results: { doc: { preferences: object } }[] };
  expect(performance.now() - begun).toBeLessThan(1_000);
  expect(results[0]?.doc.preferences).toMatchObject({ theme: 'dark' });
});

test('without a good token there is nothing', async () => {
  await problem(await fetch(`${gate.url}/api/users/telegram`), 401);
  await problem(await fetch(`${gate.url}/api/users/telegram/link`, { method: 'POST' }), 401);
  await problem(await ask(newUser(), '/telegram/link'), 405);
  await problem(await ask(newUser(), '/telegram/x', 'DELETE'), 404);
});
