import { setTimeout as delay } from 'node:timers/promises';
import type { UpstreamAccess } from '../client.ts';
import { readFeed } from './connection.ts';
import type { FeedRow } from './row.ts';

/** How a feed is followed. Times in ms. */
export interface FeedOptions {
  readonly access: UpstreamAccess;
  readonly database: string;
  /** Called for each change, in the feed's order. */
  readonly onRow: (row: FeedRow) => void;
  /** Called each time the feed is connected: what changed before this instant and was not told may have been missed. */
  readonly onConnect: () => void;
  /** Called each time an attempt or a connection ends, with a reason for the log. */
  readonly onDisconnect: (reason: string) => void;
  /** Called for each line that comes, heartbeats too: so long ago it was certain that the feed lives. */
  readonly onActivity?: () => void;
  readonly includeDocs?: boolean;
  /** How often CouchDB is asked to send a newline; at two and a half this without a byte the feed counts as dead. */
  readonly heartbeat?: number | undefined;
  /** A number in [0, 1): jitter, so that many gates do not come back at once. */
  readonly random?: () => number;
}

/** A running feed. */
export interface Feed {
  readonly connected: boolean;
  /** Ends the feed; nothing is called afterwards. */
  close(): void;
}

/** The waits between attempts, in ms: short at first, since most interruptions are. */
const BACKOFF_MS = { initial: 100, max: 5_000 } as const;
/**
 * So many times in a row the upstream may answer with something that is no feed, and no change in between, before it is
 * asked to go on from now: it may be the sequence that it cannot take, or what follows it. Nothing is lost by it, since
 * whoever waits is read again on `onUp`.
 */
const MAX_CONSECUTIVE_INVALID_FEEDS = 3;

/**
 * Follows a database's changes over one connection until closed: `feed=continuous&style=all_docs`, so that a row carries
 * every leaf; resumed after its last sequence, with jittered backoff; watched, since a connection that died silently
 * never says so. https://docs.couchdb.org/en/stable/api/database/changes.html#continuous
 */
export function followChanges(options: FeedOptions): Feed {
  const {
    onRow,
    onConnect,
    onDisconnect,
    onActivity = () => undefined,
    heartbeat = 5_000,
    includeDocs = false,
    random = Math.random,
  } = options;
  const closing = new AbortController();
  const { signal } = closing;
  let since = 'now';
  let connected = false;
  let delayMs: number = BACKOFF_MS.initial;
  let invalidCount = 0;

  const follow = async (): Promise<void> => {
    while (!signal.aborted) {
      let connectedAt: number | undefined;
      const { reason, isInvalid } = await readFeed({
        access: options.access,
        database: options.database,
        includeDocs,
        heartbeat,
        since,
        signal,
        onActivity,
        onConnect: () => {
          connected = true;
          connectedAt = performance.now();
          onConnect();
        },
        onRow: (row) => {
          since = row.seq;
          invalidCount = 0;
          if (row.kind === 'change') onRow(row);
        },
      });
      connected = false;
      // `aborted` changes while the feed is read; the compiler cannot know.
      if (closing.signal.aborted) return;
      invalidCount = isInvalid ? invalidCount + 1 : 0;
      if (invalidCount >= MAX_CONSECUTIVE_INVALID_FEEDS) since = 'now';
      onDisconnect(reason);
      // A feed that lasted for a heartbeat was well, and the next wait is short again. Being connected alone is no sign of
      // it: an upstream that ends every feed at once would be asked in circles, and every waiter read anew each time.
      if (connectedAt !== undefined && performance.now() - connectedAt >= heartbeat) delayMs = BACKOFF_MS.initial;
      await delay(delayMs * (0.5 + random() / 2), undefined, { signal }).catch(() => undefined);
      delayMs = Math.min(delayMs * 2, BACKOFF_MS.max);
    }
  };
  void follow();

  return {
    get connected() {
      return connected;
    },
    close: () => closing.abort(),
  };
}
