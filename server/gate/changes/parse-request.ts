import type { Query } from '../request/query.ts';

/**
 * `_changes` as far as a client has a say in it. Which documents it is about is not part of it: always the caller's own.
 * `filter`, `doc_ids`, `view`, `selector`, `limit` (there is one row at most) and `descending` are so answered by that.
 * https://docs.couchdb.org/en/stable/api/database/changes.html
 */
export interface ChangesRequest {
  readonly feed: 'normal' | 'longpoll' | 'continuous' | 'eventsource';
  /** A state token, `0`, `now`, or any text: what is not the current state's token is another state. */
  readonly since: string;
  /** All leaves, or only the winner. */
  readonly style: 'all_docs' | 'main_only';
  readonly includeDocs: boolean;
  readonly conflicts: boolean;
  /** How often a live answer says that it lives, in ms; undefined: it does not, and ends at `timeout`. */
  readonly heartbeat: number | undefined;
  /** How long a live answer without heartbeats waits, in ms. */
  readonly timeout: number;
  /** How many rows a continuous answer gives before it ends. */
  readonly limit: number;
}

/** In ms. CouchDB takes a heartbeat of 1 ms; a thousand newlines a second are no sign of life but a load. */
const HEARTBEAT_RANGE_MS = { least: 1_000, most: 60_000 } as const;
/** In ms. An empty answer in under a second makes PouchDB ask again at once, for ever. */
const TIMEOUT_RANGE_MS = { least: 1_000, most: 60_000 } as const;

const clamp = (value: number, { least, most }: { least: number; most: number }): number =>
  Math.min(Math.max(value, least), most);

function parseFeed(text: string | undefined): ChangesRequest['feed'] {
  switch (text) {
    case 'longpoll':
    case 'continuous':
    case 'eventsource':
      return text;
    case 'live':
      return 'continuous';
    default:
      return 'normal';
  }
}

/** `heartbeat=true` is CouchDB's default of a minute; 0 and nonsense are none. */
function parseHeartbeat(query: Query): number | undefined {
  if (query.flag('heartbeat')) return HEARTBEAT_RANGE_MS.most;
  const requested = query.integer('heartbeat');
  return requested === undefined || requested === 0 ? undefined : clamp(requested, HEARTBEAT_RANGE_MS);
}

/** `lastEventId` is the header by which a browser's EventSource goes on where it was interrupted. */
export function parseChangesRequest(query: Query, lastEventId: string | undefined): ChangesRequest {
  const feed = parseFeed(query.text('feed'));
  const resumed = feed === 'eventsource' ? lastEventId : undefined;
  return {
    feed,
    since: resumed ?? query.text('since') ?? query.text('last-event-id') ?? '0',
    style: query.text('style') === 'all_docs' ? 'all_docs' : 'main_only',
    includeDocs: query.flag('include_docs'),
    conflicts: query.flag('conflicts'),
    heartbeat: parseHeartbeat(query),
    timeout: clamp(query.integer('timeout') ?? TIMEOUT_RANGE_MS.most, TIMEOUT_RANGE_MS),
    limit: Math.max(query.integer('limit') ?? Number.POSITIVE_INFINITY, 1),
  };
}
