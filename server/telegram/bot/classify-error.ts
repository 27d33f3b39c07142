import { GrammyError, HttpError } from 'grammy';

/** Why a call to Telegram failed, in words for the log, which never hold the token. */
export interface ClassifiedError {
  readonly kind:
    /** The token is not, or no longer, good. */
    | 'token'
    /** Another one asks for the same bot's updates, or a webhook is set. */
    | 'conflict'
    | 'too many'
    /** The person has blocked the bot, or the chat is gone. */
    | 'gone'
    /** The request is no good: to send it again is no use. */
    | 'refused'
    /** Telegram is down, or cannot be reached. */
    | 'unreached';
  readonly reason: string;
  /** In ms, what Telegram asks to wait. */
  readonly retryAfterMs: number | undefined;
}

const KIND_BY_STATUS: Readonly<Record<number, ClassifiedError['kind']>> = {
  400: 'refused',
  401: 'token',
  403: 'gone',
  // What the Bot API says of a token that is none.
  404: 'token',
  409: 'conflict',
  429: 'too many',
};

/** Reads what grammy throws: an answer that says no, or that there was none. */
export function classifyTelegramError(error: unknown): ClassifiedError {
  if (error instanceof GrammyError) {
    const { error_code: status, description, parameters } = error;
    const retryAfterMs = parameters.retry_after === undefined ? undefined : parameters.retry_after * 1000;
    return { kind: KIND_BY_STATUS[status] ?? 'unreached', reason: `status ${status}: ${description}`, retryAfterMs };
  }
  const inner: unknown = error instanceof HttpError ? error.error : error;
  return { kind: 'unreached', reason: `no answer (${errorCodeOf(inner) ?? 'unreadable'})`, retryAfterMs: undefined };
}

/** Of an error, its code or its cause's: messages may have a URL in them, and the URL the token. */
function errorCodeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? errorCodeOf(error.cause) : undefined;
}

/** In ms. */
export interface BackoffOptions {
  readonly initialMs: number;
  readonly maxMs: number;
}

/** How long to wait after so many failures in a row, in ms. `random` as Math.random. */
export function computeBackoffMs(
  { kind, retryAfterMs }: ClassifiedError,
  failures: number,
  backoff: BackoffOptions,
  random: () => number,
): number {
  if (retryAfterMs !== undefined) return retryAfterMs;
  // Only an operator can do something about it.
  if (kind === 'token') return backoff.maxMs;
  return Math.min(backoff.initialMs * 2 ** Math.min(failures - 1, 20), backoff.maxMs) * (0.5 + random() / 2);
}
