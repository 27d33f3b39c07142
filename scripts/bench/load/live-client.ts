import net, { type Socket } from 'node:net';
import { z } from 'zod';
import { retryWait } from './retry-after.ts';
import { ResponseReader, type ResponseEvents } from './http-response-parser.ts';

/** Where the clients go: the gate, or the plain proxy. */
export interface Door {
  readonly host: string;
  readonly port: number;
  /** The database's path, without a slash at the end. */
  readonly path: string;
}

/** What befell all clients together. */
export interface Counts {
  /** Clients whose live request is answered with headers and a first byte, and now waits for a change. */
  parked: number;
  requests: number;
  rows: number;
  /** Complete answers without a row. */
  empty: number;
  /** 503: come again later. */
  shed: number;
  /** Any other status than 200 and 503. */
  refused: number;
  /** Connections that ended before their answer was complete, or were not had at all. */
  broken: number;
  /** Answers that said nothing for longer than three heartbeats. */
  silent: number;
  /** Rows of a document that is not the client's own: there can be none. */
  foreign: number;
}

export const noCounts = (): Counts => ({
  parked: 0,
  requests: 0,
  rows: 0,
  empty: 0,
  shed: 0,
  refused: 0,
  broken: 0,
  silent: 0,
  foreign: 0,
});

export interface LiveClientOptions {
  readonly door: Door;
  readonly ownId: string;
  readonly token: string;
  readonly counts: Counts;
  readonly onTold: (leaves: readonly string[]) => void;
  readonly now: () => number;
  readonly random: () => number;
}

const HEARTBEAT = 10_000;
const LONGEST_SILENCE = 3 * HEARTBEAT;

const changesSchema = z.object({
  results: z.array(z.object({ id: z.string(), changes: z.array(z.object({ rev: z.string() })) })),
  last_seq: z.union([z.string(), z.number()]),
});

/**
 * One user's live longpoll, asked again after every answer with the sequence that it gave, as PouchDB does it, on one
 * connection. After an error it waits (see `retryWait`) and goes on from what it was told last.
 */
export class LiveClient implements ResponseEvents {
  readonly #options: LiveClientOptions;
  #since = '0';
  #running = false;
  #socket: Socket | undefined;
  #reader: ResponseReader | undefined;
  #retry: NodeJS.Timeout | undefined;
  #asking = false;
  #parked = false;
  #failures = 0;
  #heardAt = 0;
  #status = 0;
  #retryAfter: string | undefined;
  #closes = false;
  #text = '';

  constructor(options: LiveClientOptions) {
    this.#options = options;
  }

  start(): void {
    if (this.#running) return;
    this.#running = true;
    this.#connect();
  }

  /** Leaves: with a FIN as a page that is closed does, or with a RST as one whose machine has gone. */
  stop(how: 'closed' | 'reset'): void {
    this.#running = false;
    clearTimeout(this.#retry);
    this.#retry = undefined;
    const socket = this.#socket;
    this.#letGo();
    if (how === 'reset') socket?.resetAndDestroy();
    else socket?.destroy();
  }

  /** Gives up an answer, or a connection, that has been silent for too long. To be called now and then. */
  check(): void {
    if (!this.#asking || this.#options.now() - this.#heardAt < LONGEST_SILENCE) return;
    this.#options.counts.silent += 1;
    this.#socket?.destroy();
  }

  head(status: number, headers: ReadonlyMap<string, string>): void {
    this.#status = status;
    this.#retryAfter = headers.get('retry-after');
    this.#closes = headers.get('connection')?.toLowerCase() === 'close';
    this.#text = '';
  }

  body(text: string): void {
    this.#text += text;
    // The first answer of all tells what there is; the one after it waits.
    if (this.#parked || this.#status !== 200 || this.#since === '0') return;
    this.#setParked(true);
    this.#failures = 0;
  }

  end(): void {
    this.#setParked(false);
    this.#asking = false;
    if (this.#status === 200) this.#read();
    else this.#refused();
    if (this.#closes) this.#socket?.destroy();
    else if (this.#retry === undefined) this.#ask();
  }

  #read(): void {
    const { counts, ownId, onTold } = this.#options;
    const { results, last_seq: last } = changesSchema.parse(JSON.parse(this.#text));
    this.#since = String(last);
    if (results.length === 0) counts.empty += 1;
    for (const { id, changes } of results) {
      if (id === ownId) onTold(changes.map(({ rev }) => rev));
      else counts.foreign += 1;
      counts.rows += 1;
    }
  }

  #refused(): void {
    if (this.#status === 503) this.#options.counts.shed += 1;
    else this.#options.counts.refused += 1;
    this.#wait(this.#retryAfter);
  }

  #connect(): void {
    const { host, port } = this.#options.door;
    this.#retry = undefined;
    this.#reader = new ResponseReader(this);
    const socket = net.connect({ host, port, noDelay: true });
    this.#socket = socket;
    this.#asking = true;
    this.#heardAt = this.#options.now();
    socket.setEncoding('latin1');
    socket.on('connect', () => this.#ask());
    socket.on('data', (text: string) => {
      if (this.#socket !== socket) return;
      this.#heardAt = this.#options.now();
      this.#reader?.push(text);
    });
    // 'close' follows, and says all that is to be known.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#closed(socket));
  }

  #closed(socket: Socket): void {
    if (this.#socket !== socket) return;
    const inOrder = (this.#reader?.closed() ?? true) && !this.#asking;
    this.#letGo();
    // Within a wait the connection is made when that is over.
    if (!this.#running || this.#retry !== undefined) return;
    if (inOrder) this.#connect();
    else {
      this.#options.counts.broken += 1;
      this.#wait(undefined);
    }
  }

  #wait(retryAfter: string | undefined): void {
    const wait = retryWait(this.#failures, retryAfter, this.#options.random);
    this.#failures += 1;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      if (this.#socket === undefined) this.#connect();
      else this.#ask();
    }, wait);
  }

  #ask(): void {
    const { door, token, counts } = this.#options;
    counts.requests += 1;
    this.#asking = true;
    this.#heardAt = this.#options.now();
    const query = `feed=longpoll&style=all_docs&heartbeat=${HEARTBEAT}&since=${encodeURIComponent(this.#since)}`;
    this.#socket?.write(
      `GET ${door.path}/_changes?${query} HTTP/1.1\r\nHost: ${door.host}:${door.port}\r\n` +
        `Authorization: Bearer ${token}\r\nAccept: application/json\r\n\r\n`,
      'latin1',
    );
  }

  #letGo(): void {
    this.#setParked(false);
    this.#asking = false;
    this.#socket = undefined;
    this.#reader = undefined;
  }

  #setParked(parked: boolean): void {
    if (this.#parked === parked) return;
    this.#parked = parked;
    this.#options.counts.parked += parked ? 1 : -1;
  }
}
