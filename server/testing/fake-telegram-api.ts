import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { z } from 'zod';
import { FakePerson, type Person } from './fake-telegram-person.ts';

export type { Person } from './fake-telegram-person.ts';

/** One call of the Bot API. */
export interface ApiCall {
  /** The label of the API root it was called by; empty without one. */
  readonly label: string;
  readonly method: string;
  readonly payload: Payload;
}
export type Payload = z.output<typeof payloadSchema>;

/** An error response of the Bot API. */
export interface ErrorReply {
  readonly error_code: number;
  readonly description: string;
  readonly parameters?: { readonly retry_after: number };
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

/** A token of the bot, the nth one that BotFather has issued. */
const nthToken = (n: number): string => `424242:${'AaBbCcDdEe'.repeat(4)}${n}`;
const BOT_USER = { id: 424242, is_bot: true, first_name: 'Pouchgate', username: 'pouchgate_test_bot' };

/** A held `getUpdates` request. */
interface Poll {
  readonly label: string;
  respond(body: object): void;
}

/** A Bot API server on a loopback port, and the people who chat with its one bot. */
export class FakeTelegramApi {
  #tokens = 1;
  /** Every call, the oldest first. */
  readonly calls: ApiCall[] = [];
  /** Returns an error to respond with, or `cut` to close the connection. `undefined` responds normally. */
  fault: ((call: ApiCall) => ErrorReply | 'cut' | undefined) | undefined = undefined;
  readonly #server = createServer((req, res) => void this.#handle(req, res).catch(() => res.destroy()));
  readonly #callListeners = new Set<() => void>();
  #pendingUpdates: { update_id: number }[] = [];
  #nextUpdateId = 1_000;
  #nextMessageId = 1;
  #conflicts = 0;
  #people = 0;
  #activePoll: Poll | undefined;

  /** The only valid token of the bot. */
  get token(): string {
    return nthToken(this.#tokens);
  }

  /** Revokes the token, as BotFather does, and returns the next one. */
  replaceToken(): string {
    this.#tokens += 1;
    this.#activePoll?.respond(errorBody(UNAUTHORIZED));
    return this.token;
  }

  async listen(): Promise<void> {
    this.#server.listen(0, '127.0.0.1');
    await once(this.#server, 'listening');
  }

  /** Returns the value of `TELEGRAM_API_ROOT`. Calls by it have this label. */
  apiRoot(label?: string): string {
    const { port } = this.#server.address() as AddressInfo;
    return `http://127.0.0.1:${port}${label === undefined ? '' : `/${label}`}`;
  }

  /** The number of `getUpdates` requests that Telegram ended because of a concurrent one. */
  get conflicts(): number {
    return this.#conflicts;
  }

  /** The label of the current `getUpdates` request; `undefined` if there is none. */
  get pollingLabel(): string | undefined {
    return this.#activePoll?.label;
  }

  /** Resolves with the first call that matches, past or future, ignoring the first `from` calls. */
  waitForCall(matches: (call: ApiCall) => boolean, from = 0): Promise<ApiCall> {
    return new Promise((resolve) => {
      const check = (): void => {
        const call = this.calls.slice(from).find(matches);
        if (call === undefined) return;
        this.#callListeners.delete(check);
        resolve(call);
      };
      this.#callListeners.add(check);
      check();
    });
  }

  /** Delivers an update with these members to the bot, and returns it. */
  sendUpdate(members: object): { readonly update_id: number } {
    const update = { update_id: this.#nextUpdateId++, ...members };
    this.#pendingUpdates.push(update);
    this.#activePoll?.respond({ ok: true, result: this.#pendingUpdates });
    return update;
  }

  /** Sets the id of the next update. */
  setNextUpdateId(id: number): void {
    this.#nextUpdateId = id;
  }

  /** Creates a person with a private chat. */
  createPerson(firstName: string, username?: string): Person {
    this.#people += 1;
    return new FakePerson(this, { id: 7_000_000 + this.#people, firstName, username });
  }

  /** Returns the id of the next message, and advances it. */
  takeMessageId(): number {
    return this.#nextMessageId++;
  }

  /** The id of the next message. */
  get nextMessageId(): number {
    return this.#nextMessageId;
  }

  async close(): Promise<void> {
    const closed = new Promise((resolve) => this.#server.close(resolve));
    this.#server.closeAllConnections();
    await closed;
  }

  async #handle(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of req as AsyncIterable<Uint8Array>) chunks.push(chunk);
    const [, label = '', token, method = ''] = /^\/(?:(\w+)\/)?bot([^/]+)\/(\w+)$/.exec(req.url ?? '') ?? [];
    const body = Buffer.concat(chunks).toString('utf8');
    const payload = payloadSchema.parse(body === '' ? {} : JSON.parse(body));
    const call = { label, method, payload };
    res.setHeader('content-type', 'application/json');
    const fault = token === this.token ? this.fault?.(call) : UNAUTHORIZED;
    if (fault === undefined && method === 'getUpdates') this.#getUpdates(call, res);
    else if (fault === undefined) res.end(JSON.stringify({ ok: true, result: this.#resultOf(call) }));
    else if (fault === 'cut') res.destroy();
    else res.writeHead(fault.error_code).end(JSON.stringify(errorBody(fault)));
    this.calls.push(call);
    for (const listener of [...this.#callListeners]) listener();
  }

  #resultOf({ method, payload }: ApiCall): unknown {
    if (method === 'getMe') return BOT_USER;
    if (method !== 'sendMessage') return true;
    const chat = { id: payload.chat_id, type: 'private' };
    return { message_id: this.takeMessageId(), date: 1, chat, text: payload.text };
  }

  #getUpdates({ label, payload }: ApiCall, res: ServerResponse): void {
    const { offset = 0, timeout = 0 } = payload;
    this.#pendingUpdates = this.#pendingUpdates.filter(({ update_id: id }) => id >= offset);
    if (this.#activePoll !== undefined) {
      this.#conflicts += 1;
      this.#activePoll.respond(
        errorBody({ error_code: 409, description: 'Conflict: terminated by other getUpdates request' }),
      );
    }
    const end = (): void => {
      clearTimeout(timer);
      if (this.#activePoll === poll) this.#activePoll = undefined;
    };
    const poll: Poll = {
      label,
      respond: (body) => {
        end();
        if (!res.destroyed) res.end(JSON.stringify(body));
      },
    };
    const timer = setTimeout(() => poll.respond({ ok: true, result: [] }), timeout * 1000);
    this.#activePoll = poll;
    res.on('close', end);
    if (this.#pendingUpdates.length > 0) poll.respond({ ok: true, result: this.#pendingUpdates });
  }
}

export async function startFakeTelegramApi(): Promise<FakeTelegramApi> {
  const api = new FakeTelegramApi();
  await api.listen();
  return closeAfterTests(api);
}

const UNAUTHORIZED: ErrorReply = { error_code: 401, description: 'Unauthorized' };
const errorBody = (reply: ErrorReply): object => ({ ok: false, ...reply });
