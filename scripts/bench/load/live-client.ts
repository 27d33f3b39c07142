import net, { type Socket } from 'node:net';
import { z } from 'zod';
import { getImpatientDelayMs, getRetryDelayMs } from './retry-after.ts';
import { HttpResponseParser, type ResponseHandler } from './http-response-parser.ts';

/** The server that clients connect to: the gate or the plain proxy. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
  /** Path of the database, without a trailing slash. */
  readonly path: string;
}

/** Counters over all clients. */
export interface ClientCounts {
  /** Clients whose live request has received its headers and first byte, and now waits for a change. */
  parked: number;
  requests: number;
  rows: number;
  /** Complete responses without a row. */
  empty: number;
  /** Responses with status 503. */
  shed: number;
  /** Responses with a status other than 200 and 503. */
  refused: number;
  /** Connections that failed to open, or closed before their response was complete. */
  broken: number;
  /** Responses aborted because no byte arrived for three heartbeats. */
  silent: number;
  /** Rows of a document other than the client's own. Always 0 unless there is a bug. */
  foreign: number;
}

/** Returns counters that are all zero. */
export const createCounts = (): ClientCounts => ({
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

/** Patient clients wait longer after each failure, and obey `Retry-After`. Impatient ones, as plain PouchDB, do not read it. */
export type Patience = 'patient' | 'impatient';

export interface LiveClientOptions {
  readonly endpoint: Endpoint;
  readonly ownId: string;
  readonly token: string;
  readonly counts: ClientCounts;
  readonly patience: Patience;
  /** Calls its argument when the client may connect. */
  readonly scheduleConnect: (connect: () => void) => void;
  /** Called for each row with the revisions of its leaves. */
  readonly onChange: (leaves: readonly string[]) => void;
  readonly now: () => number;
  readonly random: () => number;
}

const HEARTBEAT_MS = 10_000;
const MAX_SILENCE_MS = 3 * HEARTBEAT_MS;

const changesSchema = z.object({
  results: z.array(z.object({ id: z.string(), changes: z.array(z.object({ rev: z.string() })) })),
  last_seq: z.union([z.string(), z.number()]),
});

/**
 * One user's live longpoll on one connection. As PouchDB does, it sends the next request with the `last_seq` of each
 * response. After an error it waits (see retry-after.ts) and resumes from the last sequence it received.
 */
export class LiveClient implements ResponseHandler {
  readonly #options: LiveClientOptions;
  #since = '0';
  #isRunning = false;
  #socket: Socket | undefined;
  #parser: HttpResponseParser | undefined;
  #retryTimer: NodeJS.Timeout | undefined;
  #isRequesting = false;
  #isParked = false;
  #failures = 0;
  #lastDataAt = 0;
  #status = 0;
  #retryAfter: string | undefined;
  #closesAfterResponse = false;
  #bodyText = '';

  constructor(options: LiveClientOptions) {
    this.#options = options;
  }

  /** Connects. Does nothing if the client is already running. */
  start(): void {
    if (this.#isRunning) return;
    this.#isRunning = true;
    this.#connect();
  }

  /** Disconnects with a FIN, as a closed page does, or with a RST, as a crashed client machine does. */
  stop(mode: 'closed' | 'reset'): void {
    this.#isRunning = false;
    clearTimeout(this.#retryTimer);
    this.#retryTimer = undefined;
    const socket = this.#socket;
    this.#detach();
    if (mode === 'reset') socket?.resetAndDestroy();
    else socket?.destroy();
  }

  /** Closes the connection if a request has received no byte for three heartbeats. Call it periodically. */
  closeIfSilent(): void {
    if (!this.#isRequesting || this.#options.now() - this.#lastDataAt < MAX_SILENCE_MS) return;
    this.#options.counts.silent += 1;
    this.#socket?.destroy();
  }

  onHead(status: number, headers: ReadonlyMap<string, string>): void {
    this.#status = status;
    this.#retryAfter = headers.get('retry-after');
    this.#closesAfterResponse = headers.get('connection')?.toLowerCase() === 'close';
    this.#bodyText = '';
  }

  onBody(text: string): void {
    this.#bodyText += text;
    // The first response returns the current state at once. Only later requests wait for a change.
    if (this.#isParked || this.#status !== 200 || this.#since === '0') return;
    this.#setParked(true);
    this.#failures = 0;
  }

  onEnd(): void {
    this.#setParked(false);
    this.#isRequesting = false;
    if (this.#status === 200) this.#handleChanges();
    else this.#handleErrorStatus();
    if (this.#closesAfterResponse) this.#socket?.destroy();
    else if (this.#retryTimer === undefined) this.#sendRequest();
  }

  #handleChanges(): void {
    const { counts, ownId, onChange } = this.#options;
    const { results, last_seq: lastSeq } = changesSchema.parse(JSON.parse(this.#bodyText));
    this.#since = String(lastSeq);
    if (results.length === 0) counts.empty += 1;
    for (const { id, changes } of results) {
      if (id === ownId) onChange(changes.map(({ rev }) => rev));
      else counts.foreign += 1;
      counts.rows += 1;
    }
  }

  #handleErrorStatus(): void {
    if (this.#status === 503) this.#options.counts.shed += 1;
    else this.#options.counts.refused += 1;
    this.#scheduleRetry(this.#retryAfter);
  }

  #connect(): void {
    const { host, port } = this.#options.endpoint;
    this.#retryTimer = undefined;
    this.#parser = new HttpResponseParser(this);
    const socket = net.connect({ host, port, noDelay: true });
    this.#socket = socket;
    this.#isRequesting = true;
    this.#lastDataAt = this.#options.now();
    socket.setEncoding('latin1');
    socket.on('connect', () => this.#sendRequest());
    socket.on('data', (text: string) => {
      if (this.#socket !== socket) return;
      this.#lastDataAt = this.#options.now();
      this.#parser?.push(text);
    });
    // 'close' always follows 'error' and is handled below.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#handleClose(socket));
  }

  #handleClose(socket: Socket): void {
    if (this.#socket !== socket) return;
    const closedCleanly = (this.#parser?.connectionClosed() ?? true) && !this.#isRequesting;
    this.#detach();
    // A pending retry connects when its delay has passed.
    if (!this.#isRunning || this.#retryTimer !== undefined) return;
    if (closedCleanly) this.#connect();
    else {
      this.#options.counts.broken += 1;
      this.#scheduleRetry(undefined);
    }
  }

  #scheduleRetry(retryAfter: string | undefined): void {
    const { patience, random, scheduleConnect } = this.#options;
    const delayMs =
      patience === 'patient' ? getRetryDelayMs(this.#failures, retryAfter, random) : getImpatientDelayMs(random);
    this.#failures += 1;
    const timer = setTimeout(() => {
      if (this.#socket !== undefined) {
        this.#retryTimer = undefined;
        this.#sendRequest();
        return;
      }
      scheduleConnect(() => {
        // The client may have been stopped, and started again, in the meantime.
        if (this.#retryTimer === timer) this.#connect();
      });
    }, delayMs);
    this.#retryTimer = timer;
  }

  #sendRequest(): void {
    const { endpoint, token, counts } = this.#options;
    counts.requests += 1;
    this.#isRequesting = true;
    this.#lastDataAt = this.#options.now();
    const query = `feed=longpoll&style=all_docs&heartbeat=${HEARTBEAT_MS}&since=${encodeURIComponent(this.#since)}`;
    this.#socket?.write(
      `GET ${endpoint.path}/_changes?${query} HTTP/1.1\r\nHost: ${endpoint.host}:${endpoint.port}\r\n` +
        `Authorization: Bearer ${token}\r\nAccept: application/json\r\n\r\n`,
      'latin1',
    );
  }

  #detach(): void {
    this.#setParked(false);
    this.#isRequesting = false;
    this.#socket = undefined;
    this.#parser = undefined;
  }

  #setParked(parked: boolean): void {
    if (this.#isParked === parked) return;
    this.#isParked = parked;
    this.#options.counts.parked += parked ? 1 : -1;
  }
}
