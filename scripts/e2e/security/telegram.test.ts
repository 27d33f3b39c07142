import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { createChatFixture, type ChatFixture } from '../telegram/testing/chat.ts';
import type { Person } from '../../../server/testing/fake-telegram-api.ts';

/**
 * Attacks on the bot and on the routes of its links: by a stranger whose chat is not linked, and by another user with a
 * linked chat and a token. They know the victim's name, chat, buttons, and a part of one of the victim's codes.
 */

const ZONE = 'Antarctica/Troll';
const RUNS = Number(process.env['ATTACK_RUNS'] ?? 600);

let fixture: ChatFixture;
let [victim, mallory] = ['', ''];
let victimChat: Person;
let strangers: readonly [Person, Person];
let buttons: readonly string[];
let code: string;
beforeAll(async () => {
  fixture = await createChatFixture();
  [victim, mallory] = [fixture.newUser(), fixture.newUser()];
  victimChat = (await fixture.createLinkedPerson(victim)).person;
  await victimChat.sendMessage(`/timezone ${ZONE}`);
  await victimChat.sendMessage('/preferences');
  buttons = victimChat.buttons.map(({ callback_data: data }) => data);
  expect(buttons.length).toBeGreaterThan(3);
  strangers = [fixture.api.createPerson('Eve'), (await fixture.createLinkedPerson(mallory)).person];
  ({ code } = await fixture.createCode(victim));
});
afterAll(() => fixture.close());

/** Identifies the victim, or is almost one of the victim's codes. */
const victimIdentifier = (): fc.Arbitrary<string> =>
  fc.constantFrom(
    victim,
    `user_${victim}`,
    `@${victim}`,
    String(victimChat.id),
    `telegram-chat:${victimChat.id}`,
    code.slice(0, -1),
    `${code}A`,
    code.toUpperCase(),
    code.split('').reverse().join(''),
    createHash('sha256').update(code).digest('hex'),
    `${code}\u0000`,
    `x ${code}`,
    '%',
    '*',
    '',
  );
const anyCommand = (): fc.Arbitrary<string> =>
  fc.constantFrom(
    '/start',
    '/preferences',
    '/theme',
    '/view',
    '/briefing',
    '/recap',
    '/timezone',
    '/unlink',
    '/help',
    '/admin',
    '',
  );
const anyText = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc
      .tuple(anyCommand(), fc.constantFrom('', ' dark', ' on 07:30', ' Europe/Vienna'), victimIdentifier())
      .map(([verb, value, name]) => `${verb}${value} ${name}`),
    fc.string({ unit: 'binary', maxLength: 200 }),
  );

interface Attack {
  readonly description: string;
  /** Resolves with the whole response. */
  readonly run: () => Promise<string>;
}

const messageAttack = (): fc.Arbitrary<Attack> =>
  fc.tuple(fc.constantFrom(...strangers), anyText()).map(([person, text]) => ({
    description: `sends ${JSON.stringify(text)}`,
    run: async () => JSON.stringify(await person.sendMessage(text)),
  }));
const pressAttack = (): fc.Arbitrary<Attack> =>
  fc
    .tuple(
      fc.constantFrom(...strangers),
      fc.oneof(fc.constantFrom(...buttons), victimIdentifier(), fc.string({ maxLength: 60 })),
    )
    .map(([person, data]) => ({
      description: `presses ${JSON.stringify(data)}`,
      run: async () => JSON.stringify(await person.pressData(data)),
    }));
let presses = 0;
/** Presses a button outside the person's own chat: in the victim's chat, in a group, or in an unknown chat. */
const foreignPressAttack = (): fc.Arbitrary<Attack> =>
  fc
    .tuple(
      fc.constantFrom(...strangers),
      fc.constantFrom(...buttons),
      fc.constantFrom<object | undefined>(
        { id: victimChat.id, type: 'private', first_name: 'Victim' },
        { id: -100, type: 'supergroup', title: 'A group' },
        undefined,
      ),
    )
    .map(([person, data, chat]) => ({
      description: `presses ${data} in ${JSON.stringify(chat)}`,
      run: async () => {
        const id = `elsewhere-${(presses += 1)}`;
        const from = { id: person.id, is_bot: false, first_name: 'Stranger' };
        const message = chat === undefined ? {} : { message: { message_id: 1, date: 1, chat } };
        const where = chat === undefined ? { inline_message_id: 'x' } : {};
        const begin = fixture.api.calls.length;
        fixture.api.sendUpdate({ callback_query: { id, from, chat_instance: '1', data, ...message, ...where } });
        await fixture.api.waitForCall(({ payload }) => payload.callback_query_id === id, begin);
        return JSON.stringify(fixture.api.calls.slice(begin));
      },
    }));
const requestAttack = (): fc.Arbitrary<Attack> =>
  fc
    .tuple(
      fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD'),
      fc.constantFrom('', '/', '/link', '/link/', '/../telegram', '/LINK'),
      fc.oneof(
        fc.constant(''),
        victimIdentifier().map((name) => `/${encodeURIComponent(name)}`),
        fc.constantFrom(
          `/${victimChat.id}`,
          `/0${victimChat.id}`,
          `/${victimChat.id}.0`,
          `/${victimChat.id}%20`,
          `/+${victimChat.id}`,
          `/${victimChat.id}/`,
        ),
      ),
      fc.constantFrom('', `?username=${victim}`, `?user=${victim}&chat=${victimChat.id}`, `?id=${victimChat.id}`),
    )
    .map(([method, path, id, query]) => ({
      description: `${method} ${path}${id}${query}`,
      run: async () => {
        const response = await fixture.request(mallory, `/telegram${path}${id}${query}`, method);
        expect(response.status).toBeLessThan(500);
        return await response.text();
      },
    }));

test(`${RUNS} attacks on the bot and its routes neither reveal nor change the victim’s data, links or code`, async () => {
  const before = await fixture.readPreferences(victim);
  expect(before.preferences.timezone).toBe(ZONE);
  const chats = await fixture.listChats(victim);
  const begin = fixture.api.calls.length;
  const attacks = fc.oneof(messageAttack(), pressAttack(), foreignPressAttack(), requestAttack());
  await fc.assert(
    fc.asyncProperty(attacks, async ({ run }) => {
      const response = await run();
      expect(response).not.toContain(ZONE);
      expect(response).not.toContain('Person of ' + victim);
      expect(response).not.toContain(`linked to ${victim}`);
    }),
    { numRuns: RUNS },
  );
  // The bot sent nothing to the victim's own chat.
  const elsewhere = fixture.api.calls.slice(begin).filter(({ payload }) => payload.chat_id === victimChat.id);
  expect(elsewhere).toEqual([]);
  expect(await fixture.readPreferences(victim)).toEqual(before);
  expect(await fixture.listChats(victim)).toEqual(chats);
  expect((await victimChat.sendMessage('/preferences')).text).toContain(ZONE);
  // The almost guessed code is still valid.
  expect((await fixture.api.createPerson('Second phone').sendMessage(`/start ${code}`)).text).toContain(
    `linked to ${victim}`,
  );
});

test('of many chats that use one code at once, exactly one is linked', async () => {
  const user = fixture.newUser();
  const offered = await fixture.createCode(user);
  const people = Array.from({ length: 8 }, (_, n) => fixture.api.createPerson(`Racer ${n}`));
  const replies = await Promise.all(people.map((person) => person.sendMessage(`/start ${offered.code}`)));
  expect(replies.filter(({ text }) => text?.includes(`linked to ${user}`) === true)).toHaveLength(1);
  expect(await fixture.listChats(user)).toHaveLength(1);
});
