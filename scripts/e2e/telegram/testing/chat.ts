import {
  telegramChatsSchema,
  telegramLinkSchema,
  userPreferencesSchema,
  problemSchema,
} from '../../../../server/contract.ts';
import { startForTests, type TestGate, type TestGateOptions } from '../../../../server/testing/test-gate.ts';
import { startBotApi, type BotApi, type Person } from '../../../../server/testing/fake-telegram-api.ts';

/** A gate with a bot, and what the tests of chats do with both. */
export interface Stage {
  readonly api: BotApi;
  readonly gate: TestGate;
  /** The clock of codes and links moves on, in ms. */
  skip(time: number): void;
  newUser(): string;
  /** Below `/api/users`, as the user. */
  ask(user: string, path: string, method?: string): Promise<Response>;
  newCode(user: string): ReturnType<typeof codeIn>;
  chatsOf(user: string): ReturnType<typeof chatsIn>;
  preferencesOf(user: string): ReturnType<typeof preferencesIn>;
  /** Somebody whose chat is linked. */
  linked(user?: string): Promise<{ readonly user: string; readonly person: Person }>;
  close(): Promise<void>;
}

const codeIn = async (answer: Response) => {
  expect(answer.status).toBe(201);
  return telegramLinkSchema.parse(await answer.json());
};
const chatsIn = async (answer: Response) => telegramChatsSchema.parse(await answer.json()).chats;
const preferencesIn = async (answer: Response) => userPreferencesSchema.parse(await answer.json());

export async function startStage(options: Pick<TestGateOptions, 'rateLimits'> = {}): Promise<Stage> {
  const api = await startBotApi();
  let skipped = 0;
  const env = { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.root() };
  const now = (): number => Date.now() + skipped;
  const gate = await startForTests(env, { ...options, telegramTimes: { waits: { first: 20, longest: 100 }, now } });
  await api.heard(({ method }) => method === 'getUpdates');

  let users = 0;
  const newUser = (): string => `chatty${(users += 1)}`;
  const ask: Stage['ask'] = (user, path, method = 'GET') =>
    fetch(`${gate.url}/api/users${path}`, { method, headers: { authorization: `Bearer ${gate.token(user)}` } });
  const newCode: Stage['newCode'] = async (user) => codeIn(await ask(user, '/telegram/link', 'POST'));
  return {
    api,
    gate,
    skip: (time) => {
      skipped += time;
    },
    newUser,
    ask,
    newCode,
    chatsOf: async (user) => chatsIn(await ask(user, '/telegram')),
    preferencesOf: async (user) => preferencesIn(await ask(user, '/preferences')),
    linked: async (user = newUser()) => {
      const person = api.person(`Person of ${user}`);
      expect((await person.say(`/start ${(await newCode(user)).code}`)).text).toContain(`linked to ${user}`);
      return { user, person };
    },
    close: async () => {
      await gate.close();
      await api.close();
    },
  };
}

export async function expectProblem(answer: Response, status: number): Promise<void> {
  expect(answer.status).toBe(status);
  expect(problemSchema.parse(await answer.json()).status).toBe(status);
}
