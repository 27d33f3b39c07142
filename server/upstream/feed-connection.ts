import http from 'node:http';
import https from 'node:https';
import type { ServerScope } from 'nano';
import { authorizationOf, type UpstreamAccess } from './couch.ts';
import { parseFeedRow, parseSeq, seqNumber, type FeedEnd, type FeedRow } from './feed-row.ts';

/** One connection to a continuous feed. Times in ms. */
export interface FeedConnection {
  readonly access: UpstreamAccess;
  /** A client of the same upstream, kept from one connection to the next. */
  readonly couch: ServerScope;
  readonly database: string;
  readonly includeDocs: boolean;
  readonly heartbeat: number;
  /** `now` or the last sequence that was read. */
  readonly since: string;
  readonly signal: AbortSignal;
  readonly onUp: () => void;
  readonly onRow: (row: FeedRow | FeedEnd) => void;
}

/** No change of ours comes near this; a line that does is not CouchDB's, and is not kept in memory. In characters. */
const LONGEST_LINE = 16 * 1024 * 1024;

/** Reads a feed until it ends, in whichever way, and says why. Never throws. */
export async function readFeed(connection: FeedConnection): Promise<string> {
  try {
    const since = await sinceStillValid(connection);
    return await stream({ ...connection, since });
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/**
 * A database that was restored or made anew counts from an earlier sequence than ours, and a feed asked to go on after
 * ours would keep silent until the count has caught up. Then `now` is right: whoever waits is read again on `onUp`.
 */
async function sinceStillValid({ couch, database, since }: FeedConnection): Promise<string> {
  if (since === 'now') return since;
  const info = await couch.db.get(database);
  return seqNumber(parseSeq(info.update_seq)) < seqNumber(since) ? 'now' : since;
}

function stream(connection: FeedConnection): Promise<string> {
  const { access, database, includeDocs, heartbeat, since, signal, onUp, onRow } = connection;
  const url = new URL(`${access.url}/${encodeURIComponent(database)}/_changes`);
  url.search = new URLSearchParams({
    feed: 'continuous',
    style: 'all_docs',
    heartbeat: String(heartbeat),
    since,
    ...(includeDocs ? { include_docs: 'true' } : {}),
  }).toString();

  return new Promise((resolve) => {
    const request = (url.protocol === 'https:' ? https : http).request(url, {
      // An agent of its own: the feed must never wait for a place among pooled connections.
      agent: false,
      signal,
      timeout: heartbeat * 2.5,
      // Compressed, the embedded engine holds lines back until its compressor is full.
      headers: { authorization: authorizationOf(access), accept: 'application/json', 'accept-encoding': 'identity' },
    });
    const end = (reason: string): void => {
      resolve(reason);
      request.destroy();
    };
    request.on('timeout', () => end('no heartbeat'));
    request.on('error', (error) => end(error.message));
    request.on('response', (response) => {
      if (response.statusCode !== 200) {
        end(`status ${response.statusCode ?? 0}`);
        return;
      }
      let rest = '';
      // Decoding in the stream keeps a character that two chunks share whole.
      response.setEncoding('utf8');
      // Not the headers but the first byte says that the feed runs: CouchDB sends it when it begins to wait.
      response.once('data', onUp);
      response.on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        try {
          for (const line of lines) if (line.trim() !== '') onRow(parseFeedRow(JSON.parse(line)));
          if (rest.length > LONGEST_LINE) throw new Error('a line without an end');
        } catch (error) {
          end(`unreadable feed: ${error instanceof Error ? error.message : String(error)}`);
        }
      });
      response.on('end', () => end('ended by the upstream'));
      response.on('error', (error) => end(error.message));
      response.on('close', () => end('connection closed'));
    });
    request.end();
  });
}
