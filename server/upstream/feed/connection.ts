import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import { describeFailedResponse } from '../../http/upstream-failure.ts';
import { parseJson } from '../../lib/json.ts';
import { authorizationOf, type UpstreamAccess } from '../client.ts';
import { LineSplitter } from './line-splitter.ts';
import { parseFeedRow, parseSeq, seqNumber, type FeedEnd, type FeedRow } from './row.ts';

/** CouchDB's information about a database is a few hundred characters. */
const MAX_INFO_CHARS = 64 * 1024;

/** CouchDB's errors have some hundred characters. */
const MAX_ERROR_CHARS = 4 * 1024;

/** One connection to a continuous feed. Times in ms. */
export interface FeedConnection {
  readonly access: UpstreamAccess;
  readonly database: string;
  readonly includeDocs: boolean;
  readonly heartbeat: number;
  /** `now` or the last sequence received. */
  readonly since: string;
  readonly signal: AbortSignal;
  /** Called for each received line, heartbeats included. */
  readonly onActivity: () => void;
  readonly onConnect: () => void;
  readonly onRow: (row: FeedRow | FeedEnd) => void;
}

/** How a feed ended. */
export interface FeedResult {
  /** For the log. */
  readonly reason: string;
  /** True when the upstream sent a response that is not a feed; false when the connection was lost. */
  readonly isInvalid: boolean;
}

/** Thrown when the upstream's response is not a feed. */
class InvalidFeedError extends Error {}

const messageOf = (error: unknown): string => (error instanceof Error ? error.message : String(error));

/** Reads a feed until it ends for any reason, and resolves with that reason. Never rejects. */
export async function readFeed(connection: FeedConnection): Promise<FeedResult> {
  // A private agent with one connection: the feed and the request before it never wait for a pooled connection. Requests
  // that hang may hold those long after the upstream has recovered.
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
 * Returns the sequence to resume from. A restored or recreated database counts from a lower sequence than `since`, and a
 * feed from there would stay silent until the count has caught up. Then it returns `now`: on connect, every waiter is
 * read again.
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
    // One chunk may hold many lines, and the callback of any of them may close the feed.
    if (signal.aborted) return;
    onActivity();
    // The feed is connected at its first readable line, not at the headers: CouchDB sends an empty line when it starts
    // to wait, and another server in its place may return 200 as well.
    if (!isConnected) onConnect();
    isConnected = true;
    if (row !== undefined) onRow(row);
  }
}

/** Returns undefined for a heartbeat. */
function parseLine(line: string): FeedRow | FeedEnd | undefined {
  if (line.trim() === '') return undefined;
  try {
    return parseFeedRow(JSON.parse(line));
  } catch (error) {
    throw new InvalidFeedError(`unreadable feed: ${messageOf(error)}`);
  }
}

/** Yields the complete lines of a response. An unterminated last line is dropped. */
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

/** Yields a response's text as it arrives. The stream decodes it, so that characters split between chunks stay whole. */
const readText = (response: IncomingMessage): AsyncIterable<string> => response.setEncoding('utf8');

/** Resolves with the status and CouchDB's reason, as far as it arrives within `timeoutMs`. Never rejects. */
async function describeError(response: IncomingMessage, timeoutMs: number): Promise<string> {
  const status = response.statusCode ?? 0;
  const timer = setTimeout(() => response.destroy(), timeoutMs);
  let text = '';
  try {
    for await (const chunk of readText(response)) {
      text += chunk;
      if (text.length > MAX_ERROR_CHARS) break;
    }
  } catch {
    // What has arrived suffices.
  } finally {
    clearTimeout(timer);
  }
  const { reason } = describeFailedResponse(status, parseJson(text));
  return reason === undefined ? `status ${status}` : `status ${status} (${reason})`;
}

const isTls = ({ access }: Pick<FeedConnection, 'access'>): boolean => access.url.startsWith('https:');

/**
 * Sends a GET about the database and resolves with the response once its status is 200. The response is destroyed after
 * 2.5 heartbeats without a byte, before its headers and within its body.
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
      // With compression, the embedded engine would delay lines until its compressor's buffer is full.
      headers: { authorization: authorizationOf(access), accept: 'application/json', 'accept-encoding': 'identity' },
    });
    let openedResponse: IncomingMessage | undefined;
    request.on('timeout', () => (openedResponse ?? request).destroy(new Error('no heartbeat')));
    request.on('error', reject);
    request.on('response', (response) => {
      openedResponse = response;
      if (response.statusCode === 200) {
        resolve(response);
        return;
      }
      void describeError(response, heartbeat).then((description) => {
        reject(new InvalidFeedError(description));
        request.destroy();
      });
    });
    request.end();
  });
}
