import { badRequest } from '../../http/errors.ts';
import type { StateToken } from '../../registry/state-token.ts';

/** The parsed request for a stream. */
export interface StreamRequest {
  /** The state that the client has; undefined for none. */
  readonly lastEventId: StateToken | undefined;
  /** The interval of heartbeats, in ms; undefined for the server's default. */
  readonly heartbeatMs: number | undefined;
  /**
   * In ms. A stream with a timeout ends after it, or after the first update. A proxy that buffers a response until it is complete
   * then passes it on soon. Undefined for a stream that stays open.
   */
  readonly timeoutMs: number | undefined;
}

/** In ms. */
const RANGE = { min: 1_000, max: 60_000 } as const;

/**
 * Parses the query parameters `heartbeat` and `timeout`. Values outside the range are clamped, as in `_changes`. Throws 400 for a
 * value that is not an integer.
 */
export function parseStreamRequest(query: string, lastEventId: string | undefined): StreamRequest {
  const parameters = new URLSearchParams(query);
  const milliseconds = (name: string): number | undefined => {
    const text = parameters.get(name);
    if (text === null) return undefined;
    if (!/^\d{1,9}$/.test(text)) throw badRequest(`${name} must be an integer number of milliseconds.`);
    return Math.min(Math.max(Number(text), RANGE.min), RANGE.max);
  };
  return {
    lastEventId: lastEventId === '' ? undefined : lastEventId,
    heartbeatMs: milliseconds('heartbeat'),
    timeoutMs: milliseconds('timeout'),
  };
}
