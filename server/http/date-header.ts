import type { ServerResponse } from 'node:http';

/** The time of responses. */
export interface ResponseClock {
  /** Whether Node's own `Date` header would be wrong. */
  readonly isCorrected: boolean;
  /** The time in ms since 1970. */
  readonly now: () => number;
}

/**
 * Dates a response by this clock, because clients correct their own clocks by its `Date`. Node dates it if the machine's clock
 * is right. Call it at the start of the request: clients accept any time between their request and the response.
 */
export function setDateHeader(res: ServerResponse, clock: ResponseClock): void {
  if (clock.isCorrected) res.setHeader('Date', new Date(clock.now()).toUTCString());
}
