import type { ServerResponse } from 'node:http';
import type { Logger } from 'pino';
import type { Config } from '../config/config.ts';
import type { Mount } from '../gate/request/target.ts';
import type { RateLimits } from '../http/rate-limits.ts';
import type { Work } from '../identity/passwords/hash-work.ts';
import type { Observability } from '../observability/observability.ts';
import type { TelegramTimings } from '../telegram/telegram.ts';
import type { RunningEngine } from '../upstream/embedded/engine-process.ts';
import type { CleanupStack } from './cleanup-stack.ts';

export interface StartOptions {
  readonly config: Config;
  readonly log: Logger;
  /** The folder of the built page; `undefined` serves no page. */
  readonly page?: string | undefined;
  readonly rateLimits?: RateLimits | undefined;
  /** An embedded engine to use. By default the server starts one if it has no CouchDB. */
  readonly engine?: RunningEngine | undefined;
  /** Whether the server listens on the port for metrics. False if another process collects them. Default: true. */
  readonly servesMetrics?: boolean | undefined;
  /** The work of the accounts that the database creates. Default: that of the configured upstream. */
  readonly passwordWork?: Work | undefined;
  /** This machine's time in ms since 1970. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  /** The heartbeat interval of both upstream feeds, in ms. Default: that of `followChanges`. */
  readonly heartbeat?: number | undefined;
  readonly telegramTimes?: TelegramTimings | undefined;
  /** The heartbeat interval of preference streams, in ms. Default: 20 s. */
  readonly streamHeartbeatMs?: number | undefined;
}

/** What every step of the start uses. */
export interface StartContext extends StartOptions {
  readonly mount: Mount;
  readonly observability: Observability;
  readonly rateLimits: RateLimits;
  readonly onError: (error: unknown, res?: ServerResponse) => void;
  readonly cleanups: CleanupStack;
}
