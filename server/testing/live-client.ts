import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

/** Raw live clients for tests: what they are told, and how often anything ended, without a replicator's own repairs. */

export type LiveFeed = 'longpoll' | 'continuous' | 'eventsource';

export interface LiveClient {
  readonly username: string;
  readonly feed: LiveFeed;
  /** The leaves that it was told last, sorted. */
  readonly leaves: readonly string[];
  /** Whose documents it was told of. */
  readonly ids: ReadonlySet<string>;
  readonly counts: LiveCounts;
  /** True while an answer has begun and is not over. */
  readonly parked: boolean;
  close(): void;
}

export interface LiveCounts {
  requests: number;
  rows: number;
  /** Answers that were no 200. */
  refused: number;
  /** Whole answers with no row in them. */
  empty: number;
  /** Requests and answers that broke off. */
  lost: number;
  /** Requests that reached nobody, since nobody listened. */
  unreached: number;
}

export interface LiveClientOptions {
  /** The URL of the database, and the token to ask it with. */
  readonly database: string;
  readonly token: string;
  readonly username: string;
  readonly feed: LiveFeed;
  /** Waits after so many failures in a row. */
  readonly backOff?: (failures: number) => Promise<unknown>;
}

/** Shorter waits than PouchDB's own. */
const defaultBackOff = (failures: number): Promise<unknown> =>
  delay(Math.min(50 * 2 ** failures, 1_000) * (0.5 + Math.random() / 2));

const zeroCounts = (): LiveCounts => ({ requests: 0, rows: 0, refused: 0, empty: 0, lost: 0, unreached: 0 });

interface Row {
  readonly seq: string;
  readonly id: string;
  readonly changes: readonly { readonly rev: string }[];
}

/** What a feed's text has told so far, and where it goes on. */
interface FeedProgress {
  readonly rows: readonly Row[];
  readonly since: string | undefined;
}

/** A longpoll's whole answer. Throws when it is cut short. */
function parseLongpoll(text: string): FeedProgress {
  const { results, last_seq: since } = JSON.parse(text) as { results: Row[]; last_seq: string };
  return { rows: results, since };
}

/** One line of a continuous feed or an eventsource. */
function parseFeedLine(line: string): FeedProgress {
  const text = line.startsWith('data: ') ? line.slice('data: '.length) : line;
  if (!text.startsWith('{')) return { rows: [], since: undefined };
  const row = JSON.parse(text) as Row | { readonly last_seq: string };
  return 'last_seq' in row ? { rows: [], since: row.last_seq } : { rows: [row], since: row.seq };
}

/** Asks again and again, as PouchDB and a CouchDB replicator do, until it is closed. */
export function startLiveClient(options: LiveClientOptions): LiveClient {
  const { database, token, username, feed, backOff = defaultBackOff } = options;
  // A connection of its own, as each browser has.
  const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
  const counts = zeroCounts();
  const ids = new Set<string>();
  const closing = new AbortController();
  const { signal } = closing;
  let leaves: string[] = [];
  let since = '0';
  let parked = false;

  const applyProgress = (progress: FeedProgress): void => {
    since = progress.since ?? since;
    for (const { id, changes } of progress.rows) {
      counts.rows += 1;
      ids.add(id);
      leaves = changes.map(({ rev }) => rev).sort();
    }
  };
  const read = async (response: IncomingMessage): Promise<void> => {
    const before = counts.rows;
    let text = '';
    for await (const chunk of response.setEncoding('utf8') as AsyncIterable<string>) {
      text += chunk;
      if (feed === 'longpoll') continue;
      const lines = text.split('\n');
      text = lines.pop() ?? '';
      for (const line of lines) applyProgress(parseFeedLine(line));
    }
    if (feed === 'longpoll') applyProgress(parseLongpoll(text));
    if (counts.rows === before) counts.empty += 1;
  };
  /** One request; true when its answer was whole. */
  const sendRequest = async (): Promise<boolean> => {
    counts.requests += 1;
    const query = `feed=${feed}&style=all_docs&heartbeat=10000&since=${since}`;
    const headers = { authorization: `Bearer ${token}` };
    try {
      const request = http.get(`${database}/_changes?${query}`, { agent, headers, signal });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      if (response.statusCode !== 200) {
        counts.refused += 1;
        response.resume();
        return false;
      }
      parked = true;
      await read(response);
      return true;
    } catch (error) {
      if (closing.signal.aborted) return false;
      if (isConnectionRefused(error)) counts.unreached += 1;
      else counts.lost += 1;
      return false;
    } finally {
      parked = false;
    }
  };
  const run = async (): Promise<void> => {
    let failures = 0;
    while (!closing.signal.aborted) {
      failures = (await sendRequest()) ? 0 : failures + 1;
      if (failures > 0) await backOff(failures);
    }
  };
  void run();

  return {
    username,
    feed,
    ids,
    counts,
    get leaves() {
      return leaves;
    },
    get parked() {
      return parked;
    },
    close: () => {
      closing.abort();
      agent.destroy();
    },
  };
}

/** Looks at the code alone: in Jest an error of Node's own is no `Error` of ours. */
const isConnectionRefused = (error: unknown): boolean =>
  typeof error === 'object' && error !== null && 'code' in error && error.code === 'ECONNREFUSED';

/** The sum of what clients count. */
export function sumCounts(clients: readonly LiveClient[]): LiveCounts {
  const sum = zeroCounts();
  for (const { counts } of clients) {
    for (const key of Object.keys(sum) as (keyof LiveCounts)[]) sum[key] += counts[key];
  }
  return sum;
}
