import type { Query } from '../request/query.ts';

/**
 * The parameters of `_changes` that a client controls. The documents are not among them: always the caller's own. So
 * `filter`, `doc_ids`, `view`, `selector`, `limit` (there is at most one row) and `descending` need no implementation.
 * https://docs.couchdb.org/en/stable/api/database/changes.html
 */
export interface ChangesRequest {
  readonly feed: 'normal' | 'longpoll' | 'continuous' | 'eventsource';
  /** A state token, `0`, `now`, or any text: every text but the current state's token means another state. */
  readonly since: string;
  /** All leaves, or only the winning one. */
  readonly style: 'all_docs' | 'main_only';
  readonly includeDocs: boolean;
  readonly conflicts: boolean;
  /** The interval of a live response's heartbeats, in ms; undefined for none, and an end at `timeout`. */
  readonly heartbeat: number | undefined;
  /** How long a live response without heartbeats, or a bounded one, waits, in ms. */
  readonly timeout: number;
  /** Whether a longpoll with heartbeats ends at its timeout. In CouchDB, heartbeats override the timeout. */
  readonly isBounded: boolean;
  /** How many rows a continuous response sends before it ends. */
  readonly limit: number;
}

/** CouchDB accepts a heartbeat of 1 ms, but a thousand newlines a second are only load. */
const HEARTBEAT_RANGE_MS = { min: 1_000, max: 60_000 } as const;
/** An empty response in less than a second makes PouchDB request again immediately, forever. */
const TIMEOUT_RANGE_MS = { min: 1_000, max: 60_000 } as const;

const clamp = (value: number, { min, max }: { min: number; max: number }): number =>
  Math.min(Math.max(value, min), max);

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

/** `heartbeat=true` is CouchDB's default of a minute; 0 and invalid values disable heartbeats. */
function parseHeartbeat(query: Query): number | undefined {
  if (query.flag('heartbeat')) return HEARTBEAT_RANGE_MS.max;
  const requested = query.integer('heartbeat');
  return requested === undefined || requested === 0 ? undefined : clamp(requested, HEARTBEAT_RANGE_MS);
}

/** `lastEventId` is the header with which a browser's EventSource resumes after an interruption. */
export function parseChangesRequest(query: Query, lastEventId: string | undefined): ChangesRequest {
  const feed = parseFeed(query.text('feed'));
  const timeout = query.integer('timeout') ?? TIMEOUT_RANGE_MS.max;
  const resumed = feed === 'eventsource' ? lastEventId : undefined;
  return {
    feed,
    since: resumed ?? query.text('since') ?? query.text('last-event-id') ?? '0',
    style: query.text('style') === 'all_docs' ? 'all_docs' : 'main_only',
    includeDocs: query.flag('include_docs'),
    conflicts: query.flag('conflicts'),
    heartbeat: parseHeartbeat(query),
    timeout: clamp(timeout, TIMEOUT_RANGE_MS),
    isBounded: feed === 'longpoll' && timeout < TIMEOUT_RANGE_MS.max,
    limit: Math.max(query.integer('limit') ?? Number.POSITIVE_INFINITY, 1),
  };
}
