import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import type { ChangesRequest } from './parse-request.ts';
import type { JsonObject } from '../../lib/json.ts';
import { stateToken, type StateToken } from '../../registry/state-token.ts';
import type { LeafState } from '../../registry/leaf-state.ts';

/** The one row that `_changes` can have. */
export function changesRow(
  id: UserDocumentId,
  state: LeafState,
  style: ChangesRequest['style'],
  doc?: JsonObject,
): JsonObject {
  const revisions = style === 'all_docs' ? state.leaves : state.leaves.slice(0, 1);
  return {
    seq: stateToken(state),
    id,
    changes: revisions.map((rev) => ({ rev })),
    ...(state.deleted ? { deleted: true } : {}),
    ...(doc === undefined ? {} : { doc }),
  };
}

/** Is there anything to tell to whom has seen `since`? Where there is no document, there never is. */
export function hasChangedSince(state: LeafState, since: string): boolean {
  return state.leaves.length > 0 && stateToken(state) !== since;
}

/** The bytes of a live answer, feed by feed. */
export interface FeedFormat {
  readonly contentType: string;
  readonly head: string;
  readonly heartbeat: string;
  /** True for a feed that ends with its first row. */
  readonly endsAfterFirstRow: boolean;
  readonly row: (row: JsonObject) => string;
  /** The end, `token` being the state that the client then knows. */
  readonly tail: (token: StateToken) => string;
}

const lastLine = (token: StateToken): string => `${JSON.stringify({ last_seq: token, pending: 0 })}\n`;

/** Framed as CouchDB frames them, byte for byte, since peers parse them line by line. */
export const FEED_FORMATS: Readonly<Record<Exclude<ChangesRequest['feed'], 'normal'>, FeedFormat>> = {
  longpoll: {
    contentType: 'application/json',
    head: '{"results":[\n',
    heartbeat: '\n',
    endsAfterFirstRow: true,
    row: (row) => `${JSON.stringify(row)}\n`,
    tail: (token) => `],\n"last_seq":${JSON.stringify(token)},"pending":0}\n`,
  },
  continuous: {
    contentType: 'application/json',
    head: '',
    heartbeat: '\n',
    endsAfterFirstRow: false,
    row: (row) => `${JSON.stringify(row)}\n`,
    tail: lastLine,
  },
  eventsource: {
    contentType: 'text/event-stream',
    head: '',
    heartbeat: 'event: heartbeat\ndata: \n\n',
    endsAfterFirstRow: false,
    row: (row) => `data: ${JSON.stringify(row)}\nid: ${String(row['seq'])}\n\n`,
    tail: () => '',
  },
};
