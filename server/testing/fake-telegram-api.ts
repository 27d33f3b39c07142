import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';

/** A Bot API server on loopback, and people who chat with its one bot. */
export interface FakeTelegramApi {
  readonly token: string;
  /** For `TELEGRAM_API_ROOT`; what is called by it has this label. */
  apiRoot(label?: string): string;
  /** Every call, the oldest first. */
  readonly calls: readonly ApiCall[];
  /** The first call from number `from` on that is so, now or later. */
  waitForCall(isIt: (call: ApiCall) => boolean, from?: number): Promise<ApiCall>;
  /** What is answered in place of the answer; undefined: nothing is wrong. */
  fault: ((call: ApiCall) => ErrorReply | 'cut' | undefined) | undefined;
  /** How often two have asked for updates at once, of which Telegram ends the first. */
  readonly conflicts: number;
  /** By whose label updates are asked for just now. */
  readonly pollingLabel: string | undefined;
  /** As Telegram does with what somebody has said; the update as it is kept. */
  sendUpdate(members: object): { readonly update_id: number };
  createPerson(firstName: string, username?: string): Person;
  /** Goes on counting updates from somewhere else. */
  setNextUpdateId(id: number): void;
  close(): Promise<void>;
}

export interface ApiCall {
  readonly label: string;
  readonly method: string;
  readonly payload: Payload;
}
export type Payload = z.output<typeof payloadSchema>;

export interface ErrorReply {
  readonly error_code: number;
  readonly description: string;
  readonly parameters?: { readonly retry_after: number };
}

/** Somebody in a private chat with the bot. */
export interface Person {
  readonly id: number;
  /** Resolves with what is answered. */
  sendMessage(text: string): Promise<Payload>;
  /** Presses the button of these words below the bot's last message that has any. */
  pressButton(words: string): Promise<PressResult>;
  /** Presses what no button says, perhaps. */
  pressData(data: string): Promise<PressResult>;
  /** The buttons of that message. */
  readonly buttons: readonly Button[];
}

interface Button {
  readonly text: string;
  readonly callback_data: string;
}
interface PressResult {
  readonly notice: string;
  /** The message as it is after the press; undefined: it was not edited. */
  readonly edited: string | undefined;
}

const buttonSchema = z.object({ text: z.string(), callback_data: z.string().max(64) });
const payloadSchema = z.looseObject({
  chat_id: z.number().optional(),
  text: z.string().max(4096).optional(),
  offset: z.int().optional(),
  timeout: z.number().optional(),
  reply_markup: z.object({ inline_keyboard: z.array(z.array(buttonSchema)) }).optional(),
  callback_query_id: z.string().optional(),
});

const TOKEN = `424242:${'AaBbCcDdEe'.repeat(4)}`;
const BOT_USER = { id: 424242, is_bot: true, first_name: 'Pouchgate', username: 'pouchgate_test_bot' };

export async function startFakeTelegramApi(): Promise<FakeTelegramApi> {
  const calls: ApiCall[] = [];
  const listeners = new Set<() => void>();
  let pending: { update_id: number }[] = [];
  let nextId = 1_000;
  let nextMessage = 1;
  let conflicts = 0;
  let activePoll: { readonly label: string; answer(body: object): void } | undefined;
  const state: { fault: FakeTelegramApi['fault'] } = { fault: undefined };

  const recordCall = (call: ApiCall): void => {
    calls.push(call);
    for (const listener of [...listeners]) listener();
  };
  const waitForCall = (isIt: (call: ApiCall) => boolean, from = 0): Promise<ApiCall> =>
    new Promise((resolve) => {
      const check = (): void => {
        const found = calls.slice(from).find(isIt);
        if (found === undefined) return;
        listeners.delete(check);
        resolve(found);
      };
      listeners.add(check);
      check();
    });

  const getUpdates = ({ label, payload }: ApiCall, res: ServerResponse): void => {
    const { offset = 0, timeout = 0 } = payload;
    pending = pending.filter(({ update_id: id }) => id >= offset);
    if (activePoll !== undefined) {
      conflicts += 1;
      activePoll.answer(
        errorBody({ error_code: 409, description: 'Conflict: terminated by other getUpdates request' }),
      );
    }
    const timer = setTimeout(() => poll.answer({ ok: true, result: [] }), timeout * 1000);
    const poll = {
      label,
      answer: (body: object): void => {
        clearTimeout(timer);
        if (activePoll === poll) activePoll = undefined;
        if (!res.destroyed) res.end(JSON.stringify(body));
      },
    };
    activePoll = poll;
    res.on('close', () => {
      clearTimeout(timer);
      if (activePoll === poll) activePoll = undefined;
    });
    if (pending.length > 0) poll.answer({ ok: true, result: pending });
  };
  const resultOf = ({ method, payload }: ApiCall): unknown => {
    if (method === 'getMe') return BOT_USER;
    if (method !== 'sendMessage') return true;
    return { message_id: nextMessage++, date: 1, chat: { id: payload.chat_id, type: 'private' }, text: payload.text };
  };
  const handle = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const chunks: Uint8Array[] = [];
    for await (const chunk of req as AsyncIterable<Uint8Array>) chunks.push(chunk);
    const [, label = '', token, method = ''] = /^\/(?:(\w+)\/)?bot([^/]+)\/(\w+)$/.exec(req.url ?? '') ?? [];
    const body = Buffer.concat(chunks).toString('utf8');
    const payload = payloadSchema.parse(body === '' ? {} : JSON.parse(body));
    const call = { label, method, payload };
    res.setHeader('content-type', 'application/json');
    const fault = token === TOKEN ? state.fault?.(call) : { error_code: 401, description: 'Unauthorized' };
    if (fault === undefined && method === 'getUpdates') getUpdates(call, res);
    else if (fault === undefined) res.end(JSON.stringify({ ok: true, result: resultOf(call) }));
    else if (fault === 'cut') res.destroy();
    else res.writeHead(fault.error_code).end(JSON.stringify(errorBody(fault)));
    recordCall(call);
  };
  const server = createServer((req, res) => void handle(req, res).catch(() => res.destroy()));
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;

  const sendUpdate = (members: object): { update_id: number } => {
    const made = { update_id: nextId++, ...members };
    pending.push(made);
    activePoll?.answer({ ok: true, result: pending });
    return made;
  };
  let people = 0;
  const createPerson = (firstName: string, username?: string): Person => {
    people += 1;
    const id = 7_000_000 + people;
    const from = { id, is_bot: false, first_name: firstName, ...(username === undefined ? {} : { username }) };
    const chat = { id, type: 'private', first_name: firstName, ...(username === undefined ? {} : { username }) };
    const buttons = (): readonly Button[] => {
      const markups = calls.flatMap(({ payload: { chat_id: to, reply_markup: markup } }) =>
        to === id && markup !== undefined ? [markup] : [],
      );
      return markups.at(-1)?.inline_keyboard.flat() ?? [];
    };
    const pressData = async (data: string): Promise<PressResult> => {
      const begin = calls.length;
      const message = { message_id: nextMessage, date: 1, chat };
      const query = { id: `press-${begin}`, from, chat_instance: '1', data, message };
      sendUpdate({ callback_query: query });
      const { payload } = await waitForCall((call) => call.payload.callback_query_id === query.id, begin);
      const edit = calls.slice(begin).find((call) => call.method === 'editMessageText' && call.payload.chat_id === id);
      return { notice: payload.text ?? '', edited: edit?.payload.text };
    };
    return {
      id,
      pressData,
      sendMessage: async (text) => {
        const begin = calls.length;
        sendUpdate({ message: { message_id: nextMessage++, date: 1, chat, from, text } });
        return (await waitForCall((call) => call.method === 'sendMessage' && call.payload.chat_id === id, begin))
          .payload;
      },
      pressButton: (words) => {
        const button = buttons().find(({ text }) => text === words);
        if (button === undefined) throw new Error(`there is no button ${words}`);
        return pressData(button.callback_data);
      },
      get buttons() {
        return buttons();
      },
    };
  };

  return {
    token: TOKEN,
    apiRoot: (label) => `http://127.0.0.1:${port}${label === undefined ? '' : `/${label}`}`,
    calls,
    waitForCall,
    get fault() {
      return state.fault;
    },
    set fault(fault) {
      state.fault = fault;
    },
    get conflicts() {
      return conflicts;
    },
    get pollingLabel() {
      return activePoll?.label;
    },
    sendUpdate,
    createPerson,
    setNextUpdateId: (id) => {
      nextId = id;
    },
    close: async () => {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

const errorBody = (refusal: ErrorReply): object => ({ ok: false, ...refusal });
