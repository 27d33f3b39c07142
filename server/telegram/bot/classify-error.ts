import { GrammyError, HttpError } from 'grammy';

/** Why a call to Telegram failed, in words for the log, which never hold the token. */
export interface Failure {
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
  readonly retryAfter: number | undefined;
}

const KINDS: Readonly<Record<number, Failure['kind']>> = {
  400: 'refused',
  401: 'token',
  403: 'gone',
  // What the Bot API says of a token that is none.
  404: 'token',
  409: 'conflict',
  429: 'too many',
};

/** Reads what grammy throws: an answer that says no, or that there was none. */
export function failureOf(error: unknown): Failure {
  if (error instanceof GrammyError) {
    const { error_code: status, description, parameters } = error;
    const retryAfter = parameters.retry_after === undefined ? undefined : parameters.retry_after * 1000;
    return { kind: KINDS[status] ?? 'unreached', reason: `status ${status}: ${description}`, retryAfter };
  }
  const inner: unknown = error instanceof HttpError ? error.error : error;
  return { kind: 'unreached', reason: `no answer (${codeOf(inner) ?? 'unreadable'})`, retryAfter: undefined };
}

/** Of an error, its code or its cause's: messages may have a URL in them, and the URL the token. */
function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null) return undefined;
  if ('code' in error && typeof error.code === 'string') return error.code;
  return 'cause' in error ? codeOf(error.cause) : undefined;
}

/** In ms. */
export interface Waits {
  readonly first: number;
  readonly longest: number;
}

/** How long to wait after so many failures in a row, in ms. `random` as Math.random. */
export function waitAfter({ kind, retryAfter }: Failure, failures: number, waits: Waits, random: () => number): number {
  if (retryAfter !== undefined) return retryAfter;
  // Only an operator can do something about it.
  if (kind === 'token') return waits.longest;
  return Math.min(waits.first * 2 ** Math.min(failures - 1, 20), waits.longest) * (0.5 + random() / 2);
}
