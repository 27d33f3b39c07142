import {
  telegramChatsSchema,
  telegramLinkSchema,
  userPreferencesSchema,
  problemSchema,
} from '../../../../server/contract.ts';
import { startTestGate, type TestGate, type TestGateOptions } from '../../../../server/testing/test-gate.ts';
import {
  startFakeTelegramApi,
  type FakeTelegramApi,
  type Person,
} from '../../../../server/testing/fake-telegram-api.ts';

/** A gate with a bot, and the operations of the chat tests. */
export interface ChatFixture {
  readonly api: FakeTelegramApi;
  readonly gate: TestGate;
  /** Advances the clock of codes and links, in ms. */
  advanceTime(ms: number): void;
  newUser(): string;
  /** Sends a request to a path below `/api/users`, as the user. */
  request(user: string, path: string, method?: string): Promise<Response>;
  createCode(user: string): ReturnType<typeof readCodeResponse>;
  listChats(user: string): ReturnType<typeof readChatsResponse>;
  readPreferences(user: string): ReturnType<typeof readPreferencesResponse>;
  /** Creates a person and links their chat. */
  createLinkedPerson(user?: string): Promise<{ readonly user: string; readonly person: Person }>;
  close(): Promise<void>;
}

const readCodeResponse = async (response: Response) => {
  expect(response.status).toBe(201);
  return telegramLinkSchema.parse(await response.json());
};
const readChatsResponse = async (response: Response) => telegramChatsSchema.parse(await response.json()).chats;
const readPreferencesResponse = async (response: Response) => userPreferencesSchema.parse(await response.json());

export async function createChatFixture(options: Pick<TestGateOptions, 'rateLimits'> = {}): Promise<ChatFixture> {
  const api = await startFakeTelegramApi();
  let skippedMs = 0;
  const env = { TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.apiRoot() };
  const now = (): number => Date.now() + skippedMs;
  const gate = await startTestGate(env, { ...options, telegramTimes: { backoff: { initialMs: 20, maxMs: 100 }, now } });
  await api.waitForCall(({ method }) => method === 'getUpdates');

  let users = 0;
  const newUser = (): string => `chatty${(users += 1)}`;
  const request: ChatFixture['request'] = (user, path, method = 'GET') =>
    fetch(`${gate.url}/api/users${path}`, { method, headers: { authorization: `Bearer ${gate.token(user)}` } });
  const createCode: ChatFixture['createCode'] = async (user) =>
    readCodeResponse(await request(user, '/telegram/link', 'POST'));
  return {
    api,
    gate,
    advanceTime: (ms) => {
      skippedMs += ms;
    },
    newUser,
    request,
    createCode,
    listChats: async (user) => readChatsResponse(await request(user, '/telegram')),
    readPreferences: async (user) => readPreferencesResponse(await request(user, '/preferences')),
    createLinkedPerson: async (user = newUser()) => {
      const person = api.createPerson(`Person of ${user}`);
      expect((await person.sendMessage(`/start ${(await createCode(user)).code}`)).text).toContain(`linked to ${user}`);
      return { user, person };
    },
    close: async () => {
      await gate.close();
      await api.close();
    },
  };
}

export async function expectProblem(response: Response, status: number): Promise<void> {
  expect(response.status).toBe(status);
  expect(problemSchema.parse(await response.json()).status).toBe(status);
}
