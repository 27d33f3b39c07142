import { setTimeout as delay } from 'node:timers/promises';
import type { Logger } from 'pino';
import { classifyTelegramError, computeBackoffMs, type BackoffOptions } from './classify-error.ts';

export interface SenderOptions {
  /** The bot's token, which is removed from log lines. */
  readonly token: string;
  readonly backoff: BackoffOptions;
  readonly log: Pick<Logger, 'debug' | 'warn'>;
}

const MAX_ATTEMPTS = 3;
/** In ms. A reply that would have to wait longer is dropped, because its recipient no longer expects it. */
const MAX_DELAY_MS = 30_000;

/** Returns a function that calls Telegram and retries temporary failures. It logs a final failure and never rejects. */
export function createSender({ token, backoff, log }: SenderOptions): (call: () => Promise<unknown>) => Promise<void> {
  return async (call) => {
    for (let attempt = 1; ; attempt += 1) {
      try {
        await call();
        return;
      } catch (error) {
        const failure = classifyTelegramError(error);
        // A button that was pressed twice: the message already has the new text.
        if (failure.reason.includes('message is not modified')) return;
        const delayMs = computeBackoffMs(failure, attempt, backoff, Math.random);
        const isRetryable = failure.kind === 'too many' || failure.kind === 'unreached';
        if (!isRetryable || attempt === MAX_ATTEMPTS || delayMs > MAX_DELAY_MS) {
          const level = failure.kind === 'gone' ? 'debug' : 'warn';
          log[level]({ reason: failure.reason.replaceAll(token, '[token]') }, 'A reply could not be sent to Telegram.');
          return;
        }
        await delay(delayMs);
      }
    }
  };
}
