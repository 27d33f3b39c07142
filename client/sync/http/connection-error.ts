/** The failure of a request, with its reason for the status. */
import type { ConnectionReason } from '../status-reason.ts';

export class ConnectionError extends Error {
  readonly reason: ConnectionReason;

  constructor(reason: ConnectionReason) {
    super();
    this.reason = reason;
  }
}

/** There is no token that the server accepts. Its reason is a SignInReason. */
export class SignInError extends ConnectionError {}

/** Returns the reason of an error that a request rejected with. `fetch` rejects with a TypeError without details. */
export const reasonOfFailure = (error: unknown): ConnectionReason =>
  error instanceof ConnectionError ? error.reason : 'network-unreachable';
