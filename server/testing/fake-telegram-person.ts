import type { FakeTelegramApi, Payload } from './fake-telegram-api.ts';

/** A person in a private chat with the bot. */
export interface Person {
  readonly id: number;
  /** Sends a message, and resolves with the payload of the reply. */
  sendMessage(text: string): Promise<Payload>;
  /** Presses the button with this label below the bot's last message that has buttons. */
  pressButton(label: string): Promise<PressResult>;
  /** Sends arbitrary data as a button press. */
  pressData(data: string): Promise<PressResult>;
  /** The buttons below the bot's last message that has buttons. */
  readonly buttons: readonly Button[];
}

interface Button {
  readonly text: string;
  readonly callback_data: string;
}

interface PressResult {
  readonly notice: string;
  /** The new text of the message; `undefined` if it was not edited. */
  readonly edited: string | undefined;
}

interface Profile {
  readonly id: number;
  readonly firstName: string;
  readonly username: string | undefined;
}

export class FakePerson implements Person {
  readonly id: number;
  readonly #api: FakeTelegramApi;
  readonly #from: object;
  readonly #chat: object;

  constructor(api: FakeTelegramApi, { id, firstName, username }: Profile) {
    this.id = id;
    this.#api = api;
    this.#from = { id, is_bot: false, first_name: firstName, username };
    this.#chat = { id, type: 'private', first_name: firstName, username };
  }

  get buttons(): readonly Button[] {
    const markups = this.#api.calls.flatMap(({ payload: { chat_id: chat, reply_markup: markup } }) =>
      chat === this.id && markup !== undefined ? [markup] : [],
    );
    return markups.at(-1)?.inline_keyboard.flat() ?? [];
  }

  async sendMessage(text: string): Promise<Payload> {
    const before = this.#api.calls.length;
    const message = { message_id: this.#api.takeMessageId(), date: 1, chat: this.#chat, from: this.#from, text };
    this.#api.sendUpdate({ message });
    const reply = await this.#api.waitForCall(
      (call) => call.method === 'sendMessage' && call.payload.chat_id === this.id,
      before,
    );
    return reply.payload;
  }

  async pressData(data: string): Promise<PressResult> {
    const before = this.#api.calls.length;
    const message = { message_id: this.#api.nextMessageId, date: 1, chat: this.#chat };
    const query = { id: `press-${before}`, from: this.#from, chat_instance: '1', data, message };
    this.#api.sendUpdate({ callback_query: query });
    const { payload } = await this.#api.waitForCall((call) => call.payload.callback_query_id === query.id, before);
    const edit = this.#api.calls
      .slice(before)
      .find((call) => call.method === 'editMessageText' && call.payload.chat_id === this.id);
    return { notice: payload.text ?? '', edited: edit?.payload.text };
  }

  pressButton(label: string): Promise<PressResult> {
    const button = this.buttons.find(({ text }) => text === label);
    if (button === undefined) throw new Error(`There is no button ${label}.`);
    return this.pressData(button.callback_data);
  }
}
