import { createHash } from 'node:crypto';
import fc from 'fast-check';
import { startStage, type Stage } from '../telegram/testing/chat.ts';
import type { Person } from '../../../server/testing/fake-telegram-api.ts';

/**
 * What somebody else tries at the bot and at the routes of its links: a stranger whose chat is linked to nobody, and another
 * user with a linked chat and a token, who know the victim's name, chat, buttons, and a part of a code of theirs.
 */

const ZONE = 'Antarctica/Troll';
const RUNS = Number(process.env['ATTACK_RUNS'] ?? 600);

let stage: Stage;
let [victim, mallory] = ['', ''];
let own: Person;
let strangers: readonly [Person, Person];
let buttons: readonly string[];
let code: string;
beforeAll(async () => {
  stage = await startStage();
  [victim, mallory] = [stage.newUser(), stage.newUser()];
  own = (await stage.linked(victim)).person;
  await own.say(`/timezone ${ZONE}`);
  await own.say('/preferences');
  buttons = own.buttons.map(({ callback_data: data }) => data);
  expect(buttons.length).toBeGreaterThan(3);
  strangers = [stage.api.person('Eve'), (await stage.linked(mallory)).person];
  ({ code } = await stage.newCode(victim));
});
afterAll(() => stage.close());

/** What names the victim, or is nearly a code of theirs. */
const named = (): fc.Arbitrary<string> =>
  fc.constantFrom(
    victim,
    `user_${victim}`,
    `@${victim}`,
    String(own.id),
    `telegram-chat:${own.id}`,
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
const command = (): fc.Arbitrary<string> =>
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
const text = (): fc.Arbitrary<string> =>
  fc.oneof(
    fc
      .tuple(command(), fc.constantFrom('', ' dark', ' on 07:30', ' Europe/Vienna'), named())
      .map(([verb, value, name]) => `${verb}${value} ${name}`),
    fc.string({ unit: 'binary', maxLength: 200 }),
  );

interface Attack {
  readonly what: string;
  /** Resolves with all that was answered. */
  readonly carryOut: () => Promise<string>;
}

const saying = (): fc.Arbitrary<Attack> =>
  fc.tuple(fc.constantFrom(...strangers), text()).map(([person, said]) => ({
    what: `says ${JSON.stringify(said)}`,
    carryOut: async () => JSON.stringify(await person.say(said)),
  }));
const pressing = (): fc.Arbitrary<Attack> =>
  fc
    .tuple(fc.constantFrom(...strangers), fc.oneof(fc.constantFrom(...buttons), named(), fc.string({ maxLength: 60 })))
    .map(([person, data]) => ({
      what: `presses ${JSON.stringify(data)}`,
      carryOut: async () => JSON.stringify(await person.pressData(data)),
    }));
let presses = 0;
/** A button of a message that is not the presser's own: of the victim's chat, of a group, of a place that is not told. */
const pressingElsewhere = (): fc.Arbitrary<Attack> =>
  fc
    .tuple(
      fc.constantFrom(...strangers),
      fc.constantFrom(...buttons),
      fc.constantFrom<object | undefined>(
        { id: own.id, type: 'private', first_name: 'Victim' },
        { id: -100, type: 'supergroup', title: 'A group' },
        undefined,
      ),
    )
    .map(([person, data, chat]) => ({
      what: `presses ${data} in ${JSON.stringify(chat)}`,
      carryOut: async () => {
        const id = `elsewhere-${(presses += 1)}`;
        const from = { id: person.id, is_bot: false, first_name: 'Stranger' };
        const message = chat === undefined ? {} : { message: { message_id: 1, date: 1, chat } };
        const where = chat === undefined ? { inline_message_id: 'x' } : {};
        const begin = stage.api.calls.length;
        stage.api.update({ callback_query: { id, from, chat_instance: '1', data, ...message, ...where } });
        await stage.api.heard(({ payload }) => payload.callback_query_id === id, begin);
        return JSON.stringify(stage.api.calls.slice(begin));
      },
    }));
const asking = (): fc.Arbitrary<Attack> =>
  fc
    .tuple(
      fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'PATCH', 'HEAD'),
      fc.constantFrom('', '/', '/link', '/link/', '/../telegram', '/LINK'),
      fc.oneof(
        fc.constant(''),
        named().map((name) => `/${encodeURIComponent(name)}`),
        fc.constantFrom(`/${own.id}`, `/0${own.id}`, `/${own.id}.0`, `/${own.id}%20`, `/+${own.id}`, `/${own.id}/`),
      ),
      fc.constantFrom('', `?username=${victim}`, `?user=${victim}&chat=${own.id}`, `?id=${own.id}`),
    )
    .map(([method, path, id, query]) => ({
      what: `${method} ${path}${id}${query}`,
      carryOut: async () => {
        const answer = await stage.ask(mallory, `/telegram${path}${id}${query}`, method);
        expect(answer.status).toBeLessThan(500);
        return await answer.text();
      },
    }));

test(`${RUNS} attacks on the bot and on its routes: nothing of the victim’s is told, changed, unlinked, or used up`, async () => {
  const before = await stage.preferencesOf(victim);
  expect(before.preferences.timezone).toBe(ZONE);
  const chats = await stage.chatsOf(victim);
  const begin = stage.api.calls.length;
  const attacks = fc.oneof(saying(), pressing(), pressingElsewhere(), asking());
  await fc.assert(
    fc.asyncProperty(attacks, async ({ carryOut }) => {
      const told = await carryOut();
      expect(told).not.toContain(ZONE);
      expect(told).not.toContain('Person of ' + victim);
      expect(told).not.toContain(`linked to ${victim}`);
    }),
    { numRuns: RUNS },
  );
  // Nothing was said or done in the victim's own chat.
  const elsewhere = stage.api.calls.slice(begin).filter(({ payload }) => payload.chat_id === own.id);
  expect(elsewhere).toEqual([]);
  expect(await stage.preferencesOf(victim)).toEqual(before);
  expect(await stage.chatsOf(victim)).toEqual(chats);
  expect((await own.say('/preferences')).text).toContain(ZONE);
  // The code that was nearly guessed is still good.
  expect((await stage.api.person('Second phone').say(`/start ${code}`)).text).toContain(`linked to ${victim}`);
}, 120_000);

test('of many who come with one code at once, one has it', async () => {
  const user = stage.newUser();
  const offered = await stage.newCode(user);
  const people = Array.from({ length: 8 }, (_, n) => stage.api.person(`Racer ${n}`));
  const answers = await Promise.all(people.map((person) => person.say(`/start ${offered.code}`)));
  expect(answers.filter(({ text: said }) => said?.includes(`linked to ${user}`) === true)).toHaveLength(1);
  expect(await stage.chatsOf(user)).toHaveLength(1);
});
