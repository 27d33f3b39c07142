import type { UserDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import type { ChangesRequest } from './parse-request.ts';
import type { JsonObject } from '../../lib/json.ts';
import { stateToken, type StateToken } from '../../registry/state-token.ts';
import type { LeafState } from '../../registry/leaf-state.ts';

/** Builds the only row that `_changes` can have. */
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

/** Whether a client that knows `since` must be sent the state. Always false when the document does not exist. */
export function hasChangedSince(state: LeafState, since: string): boolean {
  return state.leaves.length > 0 && stateToken(state) !== since;
}

/** How a live response of one feed mode is framed. */
export interface FeedFormat {
  readonly contentType: string;
  readonly head: string;
  readonly heartbeat: string;
  /** True for a feed that ends with its first row. */
  readonly endsAfterFirstRow: boolean;
  readonly row: (row: JsonObject) => string;
  /** The end of the response; `token` is the state that the client knows then. */
  readonly tail: (token: StateToken) => string;
}

const lastLine = (token: StateToken): string => `${JSON.stringify({ last_seq: token, pending: 0 })}\n`;

/** Identical to CouchDB's framing byte for byte, because peers parse it line by line. */
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
