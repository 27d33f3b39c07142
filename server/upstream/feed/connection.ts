import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { authorizationOf, type UpstreamAccess } from '../client.ts';
import { LineSplitter } from './line-splitter.ts';
import { parseFeedRow, parseSeq, seqNumber, type FeedEnd, type FeedRow } from './row.ts';

/** What CouchDB says of a database is some hundred characters. */
const MAX_INFO_CHARS = 64 * 1024;

/** One connection to a continuous feed. Times in ms. */
export interface FeedConnection {
  readonly access: UpstreamAccess;
  readonly database: string;
  readonly includeDocs: boolean;
  readonly heartbeat: number;
  /** `now` or the last sequence that was read. */
  readonly since: string;
  readonly signal: AbortSignal;
  /** A line came, be it a heartbeat's. */
  readonly onActivity: () => void;
  readonly onConnect: () => void;
  readonly onRow: (row: FeedRow | FeedEnd) => void;
}

/** How a feed has ended. */
export interface FeedResult {
  /** For the log. */
  readonly reason: string;
  /** True when the upstream did answer, but with something that is no feed; false when the connection was lost. */
  readonly isInvalid: boolean;
}

/** The upstream's answer is no feed. */
class InvalidFeedError extends Error {}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Reads a feed until it ends, in whichever way, and says why. Never rejects. */
export async function readFeed(connection: FeedConnection): Promise<FeedResult> {
  // Of its own, and one: the feed and what it asks beforehand never wait for a place among pooled connections, which an
  // upstream that has hung may hold for long after it is back.
  const Agent = isTls(connection) ? https.Agent : http.Agent;
  const agent = new Agent({ keepAlive: true, maxSockets: 1 });
  try {
    const since = await resolveSince(connection, agent);
    await follow({ ...connection, since }, agent);
    return { reason: 'ended by the upstream', isInvalid: false };
  } catch (error) {
    return { reason: messageOf(error), isInvalid: error instanceof InvalidFeedError };
  } finally {
    agent.destroy();
  }
}

/**
 * A database that was restored or made anew counts from an earlier sequence than ours, and a feed asked to go on after
 * ours would keep silent until the count has caught up. Then `now` is right: whoever waits is read again on `onUp`.
 */
async function resolveSince(connection: FeedConnection, agent: http.Agent): Promise<string> {
  const { since } = connection;
  if (since === 'now') return since;
  const response = await openResponse(connection, agent, '', {});
  let text = '';
  for await (const chunk of readText(response)) {
    text += chunk;
    if (text.length > MAX_INFO_CHARS) throw new InvalidFeedError('too much database information');
  }
  return seqNumber(parseUpdateSeq(text)) < seqNumber(since) ? 'now' : since;
}

function parseUpdateSeq(text: string): string {
  try {
    const info: unknown = JSON.parse(text);
    return parseSeq(typeof info === 'object' && info !== null && 'update_seq' in info ? info.update_seq : undefined);
  } catch (error) {
    throw new InvalidFeedError(`unreadable database information: ${messageOf(error)}`);
  }
}

async function follow(connection: FeedConnection, agent: http.Agent): Promise<void> {
  const { includeDocs, heartbeat, since, signal, onActivity, onConnect, onRow } = connection;
  const response = await openResponse(connection, agent, '/_changes', {
    feed: 'continuous',
    style: 'all_docs',
    heartbeat: String(heartbeat),
    since,
    ...(includeDocs ? { include_docs: 'true' } : {}),
  });
  let isConnected = false;
  for await (const line of readLines(response)) {
    const row = parseLine(line);
    // One piece may hold many lines, and any of them may be what the feed is closed for.
    if (signal.aborted) return;
    onActivity();
    // Not the head but the first line says that the feed runs: CouchDB sends an empty one when it begins to wait. And a
    // line that can be read, since whatever stands in CouchDB's place may answer 200 as well.
    if (!isConnected) onConnect();
    isConnected = true;
    if (row !== undefined) onRow(row);
  }
}

/** Undefined for a heartbeat. */
function parseLine(line: string): FeedRow | FeedEnd | undefined {
  if (line.trim() === '') return undefined;
  try {
    return parseFeedRow(JSON.parse(line));
  } catch (error) {
    throw new InvalidFeedError(`unreadable feed: ${messageOf(error)}`);
  }
}

/** The lines of an answer; what follows the last line's end is none. */
async function* readLines(response: IncomingMessage): AsyncIterable<string> {
  const splitter = new LineSplitter();
  for await (const chunk of readText(response)) {
    try {
      yield* splitter.push(chunk);
    } catch (error) {
      throw new InvalidFeedError(`unreadable feed: ${messageOf(error)}`);
    }
  }
}

/** An answer's text as it comes. Decoding in the stream keeps a character that two chunks share whole. */
const readText = (response: IncomingMessage): AsyncIterable<string> => response.setEncoding('utf8');

const isTls = ({ access }: Pick<FeedConnection, 'access'>): boolean => access.url.startsWith('https:');

/**
 * Asks about the database, and resolves with the answer's beginning when that is 200. From then on, too, two and a half
 * heartbeats without a byte break the answer off.
 */
function openResponse(
  connection: FeedConnection,
  agent: http.Agent,
  path: string,
  query: Readonly<Record<string, string>>,
): Promise<IncomingMessage> {
  const { access, database, heartbeat, signal } = connection;
  const url = new URL(`${access.url}/${encodeURIComponent(database)}${path}`);
  url.search = new URLSearchParams(query).toString();
  return new Promise((resolve, reject) => {
    const request = (isTls(connection) ? https : http).request(url, {
      agent,
      signal,
      timeout: heartbeat * 2.5,
      // Compressed, the embedded engine holds lines back until its compressor is full.
      headers: { authorization: authorizationOf(access), accept: 'application/json', 'accept-encoding': 'identity' },
    });
    let answer: IncomingMessage | undefined;
    request.on('timeout', () => (answer ?? request).destroy(new Error('no heartbeat')));
    request.on('error', reject);
    request.on('response', (response) => {
      answer = response;
      if (response.statusCode === 200) {
        resolve(response);
        return;
      }
      reject(new InvalidFeedError(`status ${response.statusCode ?? 0}`));
      request.destroy();
    });
    request.end();
  });
}
