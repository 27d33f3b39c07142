import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { DEFAULT_PREFERENCES } from '../../../couchdb-design/user-document/user-document.ts';
import { createChatFixture, type ChatFixture } from './testing/chat.ts';

let fixture: ChatFixture;
beforeAll(async () => {
  fixture = await createChatFixture();
});
afterAll(() => fixture.close());

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
  [
    '/timezone Middle/Earth',
    { timezone: 'Middle/Earth' },
    'Time zone: Middle/Earth (unknown here; send one such as Europe/Vienna)',
  ],
])('%s edits the preferences', async (command, patch, reply) => {
  const { user, person } = await fixture.createLinkedPerson();
  expect((await person.sendMessage(command)).text).toBe(reply);
  const { preferences, edits } = await fixture.readPreferences(user);
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
  ['/timezone Middle Earth', '/timezone Europe/Vienna'],
  ['/view kanban table', '/view kanban'],
  ['/brief on', '/briefing on 07:30'],
  ['theme dark', '/theme light'],
  ['/start a b', 'one code'],
  ['/nothing', 'I do not understand'],
  ['hello', 'I do not understand'],
  ['', 'I do not understand'],
])('%p changes nothing and is answered with the correct syntax', async (text, hint) => {
  const { user, person } = await fixture.createLinkedPerson();
  expect((await person.sendMessage(text)).text).toContain(hint);
  expect((await fixture.readPreferences(user)).edits).toEqual({});
});

test('/start, /help and /unlink describe the state of the link', async () => {
  const stranger = fixture.api.createPerson('Stranger');
  expect((await stranger.sendMessage('/start')).text).toContain('Devices');
  expect((await stranger.sendMessage('/help')).text).toContain('/timezone Europe/Vienna');
  expect((await stranger.sendMessage('/unlink')).text).toContain('not linked');
  const { user, person } = await fixture.createLinkedPerson();
  expect((await person.sendMessage('/start')).text).toContain(`linked to ${user}`);
  expect((await person.sendMessage('/unlink')).text).toContain('no longer linked');
  expect((await person.sendMessage('/preferences')).text).toContain('not linked');
  expect(await fixture.listChats(user)).toEqual([]);
});

test('/preferences shows all preferences, and its buttons edit them and are updated', async () => {
  const { user, person } = await fixture.createLinkedPerson();
  const body = JSON.stringify({
    selectedTags: ['<b>*bold*</b>', '[x](http://x)'],
    tableColumns: Array(30).fill('ä'.repeat(40)),
  });
  const headers = { authorization: `Bearer ${fixture.gate.token(user)}`, 'content-type': 'application/json' };
  expect((await fetch(`${fixture.gate.url}/api/users/preferences`, { method: 'PATCH', headers, body })).status).toBe(
    200,
  );
  const overview = await person.sendMessage('/preferences');
  expect(overview.text).toContain('Tags: <b>*bold*</b>, [x](http://x)');
  expect(overview).not.toHaveProperty('parse_mode');
  expect(overview.text).toContain('and 20 more');
  expect(person.buttons.map(({ text }) => text)).toContain('✓ System');

  const pressed = await person.pressButton('Dark');
  expect(pressed.notice).toBe('Theme: dark');
  expect(pressed.edited).toContain('Theme: dark');
  expect(person.buttons.map(({ text }) => text)).toContain('✓ Dark');
  expect((await person.pressButton('Daily briefing on')).notice).toBe('Daily briefing: on, at 07:00 (UTC)');
  expect((await person.pressButton('Table')).edited).toContain('View: table');
  const { preferences, edits } = await fixture.readPreferences(user);
  expect(preferences).toMatchObject({ theme: 'dark', dailyBriefing: true, viewMode: 'table' });
  expect(edits['theme']).toMatchObject({ by: 'telegram' });
});

test('invalid button data and buttons of a removed link have no effect', async () => {
  const { user, person } = await fixture.createLinkedPerson();
  await person.sendMessage('/preferences');
  const [dark] = person.buttons.filter(({ text }) => text === 'Dark').map((button) => button.callback_data);
  const [tag] = (dark ?? '').split(':');
  const invalid = ['', 'x', `${tag}:theme:pink`, `${tag}:__proto__:on`, `${tag}:theme:dark:x`, `${tag}:timezone:UTC`];
  for (const data of [...invalid, `AAAAAAAA:theme:dark`, `${'a'.repeat(60)}:x`]) {
    const { notice, edited } = await person.pressData(data);
    expect(notice).toContain('outdated');
    expect(edited).toBeUndefined();
  }
  await person.sendMessage('/unlink');
  expect(await person.pressData(dark ?? '')).toMatchObject({ edited: undefined });
  const other = fixture.newUser();
  await person.sendMessage(`/start ${(await fixture.createCode(other)).code}`);
  expect((await person.pressData(dark ?? '')).notice).toContain('outdated');
  for (const each of [user, other]) expect((await fixture.readPreferences(each)).edits).toEqual({});
});

test.each(['group', 'supergroup', 'channel'])('in a %s the bot reveals nothing and links nothing', async (type) => {
  const user = fixture.newUser();
  const { code } = await fixture.createCode(user);
  const chat = { id: -1_000_000 - type.length, type, title: 'A group' };
  const from = { id: 1, is_bot: false, first_name: 'Member' };
  const groupMessage = (text: string): object => ({
    message_id: 1,
    date: 1,
    chat,
    text,
    ...(type === 'channel' ? {} : { from }),
  });
  const kind = type === 'channel' ? 'channel_post' : 'message';
  const before = fixture.api.calls.length;
  fixture.api.sendUpdate({ [kind]: groupMessage('just talk') });
  fixture.api.sendUpdate({ [kind]: groupMessage('/start@another_bot') });
  fixture.api.sendUpdate({ [kind]: groupMessage(`/start ${code}`) });
  const { payload } = await fixture.api.waitForCall((call) => call.payload.chat_id === chat.id, before);
  expect(payload.text).toMatch(/private chats only/);
  fixture.api.sendUpdate({
    callback_query: { id: `g${type}`, from, chat_instance: '1', data: 'x', message: groupMessage('old') },
  });
  const press = await fixture.api.waitForCall((call) => call.payload.callback_query_id === `g${type}`, before);
  expect(press.payload.text).toMatch(/private chats only/);
  expect(fixture.api.calls.filter((call) => call.payload.chat_id === chat.id)).toHaveLength(1);
  expect(await fixture.listChats(user)).toEqual([]);
  expect((await fixture.api.createPerson('Owner').sendMessage(`/start ${code}`)).text).toContain(`linked to ${user}`);
});

test('a live client receives an edit within a second', async () => {
  const { user, person } = await fixture.createLinkedPerson();
  const first = await fixture.gate.request(user, '/_changes', { method: 'POST', body: {} });
  const { last_seq: since } = (await first.json()) as { last_seq: string };
  const live = fixture.gate.request(user, `/_changes?feed=longpoll&include_docs=true&since=${since}`, {
    method: 'POST',
    body: {},
  });
  while (fixture.gate.pouchgate.hub.size === 0) await new Promise(setImmediate);
  const startedAt = performance.now();
  await person.sendMessage('/theme dark');
  const { results } = (await (await live).json()) as { results: { doc: { preferences: object } }[] };
  expect(performance.now() - startedAt).toBeLessThan(scaleMs(1_000));
  expect(results[0]?.doc.preferences).toMatchObject({ theme: 'dark' });
});
