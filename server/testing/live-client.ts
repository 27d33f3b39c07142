import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** Raw live clients for tests. They record rows and failures, which a replicator would hide by its own recovery. */

export type LiveFeed = 'longpoll' | 'continuous' | 'eventsource';

export interface LiveClient {
  readonly username: string;
  readonly feed: LiveFeed;
  /** The leaves in the last row, sorted. */
  readonly leaves: readonly string[];
  /** The ids in all rows. */
  readonly ids: ReadonlySet<string>;
  readonly counts: LiveCounts;
  /** True while a response has started and not ended. */
  readonly parked: boolean;
  /** True while a longpoll is open that has received a heartbeat: it has been open for a second or longer. */
  readonly hasHeartbeat: boolean;
  close(): void;
}

export interface LiveCounts {
  requests: number;
  rows: number;
  /** Responses with another status than 200. */
  refused: number;
  /** Complete responses without a row. */
  empty: number;
  /** Requests and responses that were interrupted. */
  lost: number;
  /** Refused connections. */
  unreached: number;
}

export interface LiveClientOptions {
  /** The URL of the database. */
  readonly database: string;
  readonly token: string;
  readonly username: string;
  readonly feed: LiveFeed;
  /** Waits after `failures` consecutive failures. */
  readonly backOff?: (failures: number) => Promise<unknown>;
}

/** Shorter delays than PouchDB's own. */
const defaultBackOff = (failures: number): Promise<unknown> =>
  delay(Math.min(50 * 2 ** failures, 1_000) * (0.5 + Math.random() / 2));

/** The head of a longpoll, and at least one heartbeat. */
const LONGPOLL_WITH_HEARTBEAT = /^\{"results":\[\n\n+$/;

const zeroCounts = (): LiveCounts => ({ requests: 0, rows: 0, refused: 0, empty: 0, lost: 0, unreached: 0 });

interface Row {
  readonly seq: string;
  readonly id: string;
  readonly changes: readonly { readonly rev: string }[];
}

/** Parsed rows, and the token to continue from. */
interface FeedProgress {
  readonly rows: readonly Row[];
  readonly since: string | undefined;
}

/** Parses a longpoll's whole response. Throws when it is incomplete. */
function parseLongpoll(text: string): FeedProgress {
  const { results, last_seq: since } = JSON.parse(text) as { results: Row[]; last_seq: string };
  return { rows: results, since };
}

/** Parses one line of a continuous feed or an eventsource. */
function parseFeedLine(line: string): FeedProgress {
  const text = line.startsWith('data: ') ? line.slice('data: '.length) : line;
  if (!text.startsWith('{')) return { rows: [], since: undefined };
  const row = JSON.parse(text) as Row | { readonly last_seq: string };
  return 'last_seq' in row ? { rows: [], since: row.last_seq } : { rows: [row], since: row.seq };
}

/** Sends live requests in a loop, as PouchDB and CouchDB's replicator do, until it is closed. */
export const startLiveClient = (options: LiveClientOptions): LiveClient =>
  closeAfterTests(new LoopingLiveClient(options));

class LoopingLiveClient implements LiveClient {
  readonly username: string;
  readonly feed: LiveFeed;
  readonly ids = new Set<string>();
  readonly counts = zeroCounts();
  readonly #options: LiveClientOptions;
  /** A separate connection, as each browser has. */
  readonly #agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  readonly #closing = new AbortController();
  #leaves: readonly string[] = [];
  #since = '0';
  #parked = false;
  #hasHeartbeat = false;

  constructor(options: LiveClientOptions) {
    this.username = options.username;
    this.feed = options.feed;
    this.#options = options;
    void this.#run();
  }

  get leaves(): readonly string[] {
    return this.#leaves;
  }

  get parked(): boolean {
    return this.#parked;
  }

  get hasHeartbeat(): boolean {
    return this.#hasHeartbeat;
  }

  close(): void {
    this.#closing.abort();
    this.#agent.destroy();
  }

  async #run(): Promise<void> {
    const { backOff = defaultBackOff } = this.#options;
    let failures = 0;
    while (!this.#closing.signal.aborted) {
      failures = (await this.#sendRequest()) ? 0 : failures + 1;
      if (failures > 0) await backOff(failures);
    }
  }

  /** Resolves with true when the response was complete. */
  async #sendRequest(): Promise<boolean> {
    const { database, token } = this.#options;
    const { signal } = this.#closing;
    this.counts.requests += 1;
    const query = `feed=${this.feed}&style=all_docs&heartbeat=10000&since=${this.#since}`;
    const headers = { authorization: `Bearer ${token}` };
    try {
      const request = http.get(`${database}/_changes?${query}`, { agent: this.#agent, headers, signal });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      if (response.statusCode !== 200) {
        this.counts.refused += 1;
        response.resume();
        return false;
      }
      this.#parked = true;
      await this.#read(response);
      return true;
    } catch (error) {
      if (signal.aborted) return false;
      if (isConnectionRefused(error)) this.counts.unreached += 1;
      else this.counts.lost += 1;
      return false;
    } finally {
      this.#parked = false;
      this.#hasHeartbeat = false;
    }
  }

  async #read(response: IncomingMessage): Promise<void> {
    const before = this.counts.rows;
    let text = '';
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      text += chunk;
      if (this.feed === 'longpoll') {
        this.#hasHeartbeat = LONGPOLL_WITH_HEARTBEAT.test(text);
        continue;
      }
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) this.#applyProgress(parseFeedLine(line));
    }
    if (this.feed === 'longpoll') this.#applyProgress(parseLongpoll(text));
    if (this.counts.rows === before) this.counts.empty += 1;
  }

  #applyProgress({ rows, since }: FeedProgress): void {
    this.#since = since ?? this.#since;
    for (const { id, changes } of rows) {
      this.counts.rows += 1;
      this.ids.add(id);
      this.#leaves = changes.map(({ rev }) => rev).sort();
    }
  }
}

/** Checks only the code: in Jest, Node's own errors are not instances of the test's `Error`. */
const isConnectionRefused = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ECONNREFUSED';

/** Adds up the counts of clients. */
export function sumCounts(clients: readonly LiveClient[]): LiveCounts {
  const sum = zeroCounts();
  for (const { counts } of clients) {
    for (const key of Object.keys(sum) as (keyof LiveCounts)[]) sum[key] += counts[key];
  }
  return sum;
}
