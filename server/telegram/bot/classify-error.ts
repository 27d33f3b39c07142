import { GrammyError, HttpError } from 'grammy';

/** Why a call to Telegram failed. */
export interface ClassifiedError {
  readonly kind:
    /** The token is invalid or revoked. */
    | 'token'
    /** Another process polls for the same bot's updates, or a webhook is set. */
    | 'conflict'
    | 'too many'
    /** The user has blocked the bot, or the chat no longer exists. */
    | 'gone'
    /** The request is invalid, so a retry would fail, too. */
    | 'refused'
    /** Telegram is down or unreachable. */
    | 'unreached';
  /** A description for the log. It may contain the token where Telegram repeats it. */
  readonly reason: string;
  /** Telegram's `retry_after`, in ms. */
  readonly retryAfterMs: number | undefined;
}

const KIND_BY_STATUS: Readonly<Record<number, ClassifiedError['kind']>> = {
  400: 'refused',
  401: 'token',
  403: 'gone',
  // The Bot API's response to a malformed token.
  404: 'token',
  409: 'conflict',
  429: 'too many',
};

/** Classifies an error of grammy: an error response, or a request without a response. */
export function classifyTelegramError(error: unknown): ClassifiedError {
  if (error instanceof GrammyError) {
    const { error_code: status, description, parameters } = error;
    const retryAfterMs = parameters.retry_after === undefined ? undefined : parameters.retry_after * 1000;
    return { kind: KIND_BY_STATUS[status] ?? 'unreached', reason: `status ${status}: ${description}`, retryAfterMs };
  }
  const inner: unknown = error instanceof HttpError ? error.error : error;
  return { kind: 'unreached', reason: `no answer (${errorCodeOf(inner) ?? 'unreadable'})`, retryAfterMs: undefined };
}

/** Returns an error's code, or its cause's. The message is not used: it may contain the URL, and so the token. */
function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? errorCodeOf(error.cause) : undefined;
}

export interface BackoffOptions {
  /** The upper bound of the first delay, in ms. */
  readonly initialMs: number;
  /** The upper bound of every delay, in ms. */
  readonly maxMs: number;
}

/**
 * Returns how long to wait after a number of consecutive failures, in ms: Telegram's `retry_after`, or a delay that doubles
 * with each failure, with jitter.
 *
 * @param random - Returns a number in [0, 1), as `Math.random` does.
 */
export function computeBackoffMs(
  { kind, retryAfterMs }: ClassifiedError,
  failures: number,
  backoff: BackoffOptions,
  random: () => number,
): number {
  if (retryAfterMs !== undefined) return retryAfterMs;
  // Only the operator can fix it.
  if (kind === 'token') return backoff.maxMs;
  return Math.min(backoff.initialMs * 2 ** Math.min(failures - 1, 20), backoff.maxMs) * (0.5 + random() / 2);
}
