import { setTimeout as delay } from 'node:timers/promises';
import type { Router } from 'express';
import type { Update } from 'grammy/types';
import type { ServerScope } from 'nano';
import type { Logger } from 'pino';
import { newSourceDeviceId } from '../../couchdb-design/user-document/edit-sources.ts';
import type { Config } from '../config/config.ts';
import { serviceUnavailable } from '../http/errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { RateLimits } from '../http/rate-limits.ts';
import type { PreferencesService } from '../preferences/service.ts';
import { createBot } from './bot/bot.ts';
import { createConversation } from './bot/conversation.ts';
import { createDocumentStore } from './document-store.ts';
import type { BackoffOptions } from './bot/classify-error.ts';
import { createUpdateDispatcher } from './updates/dispatch.ts';
import { createLinks } from './links/links.ts';
import { createLinkRoutes } from './links/routes.ts';
import { runBot } from './updates/run.ts';
import { createDeduplicator } from './updates/deduplicate.ts';
import { createWebhook, WEBHOOK_PATH, webhookSecret } from './updates/webhook.ts';

export interface TelegramOptions {
  readonly config: Pick<Config, 'telegram' | 'sessions'>;
  readonly couch: ServerScope;
  readonly service: PreferencesService;
  readonly identity: Pick<Identity, 'authenticate' | 'accessMonitor'>;
  readonly corsOrigins: readonly string[];
  readonly limits: RateLimits;
  readonly log: Logger;
  readonly onError: (error: unknown) => void;
  readonly timings?: TelegramTimings | undefined;
}

/** For tests to change. In ms. */
export interface TelegramTimings {
  /** How long after a process was last heard of another one asks for updates. */
  readonly leaseMs?: number;
  /** Between attempts. */
  readonly backoff?: BackoffOptions;
  readonly now?: () => number;
}

/** The bot, or that there is none. */
export interface Telegram {
  /** Each with where it is to be mounted. */
  readonly routers: readonly (readonly [path: string, router: Router])[];
  /** Finishes what is under way, and gives the updates to another process. Never rejects. */
  close(): Promise<void>;
}

const DEFAULT_LEASE_MS = 30_000;
/** What is under way longer than this at the end is left. */
const MAX_CLOSE_MS = 10_000;
const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 1_000, maxMs: 60_000 };

/** Starts the bot when one is configured. What fails at Telegram is logged and tried again: no gate waits for it. */
export function startTelegram(options: TelegramOptions): Telegram {
  const { config, couch, service, identity, limits, log, onError, timings = {} } = options;
  if (config.telegram === undefined) return { routers: [], close: () => Promise.resolve() };
  const { token, apiRoot, webhook } = config.telegram;
  const { now = Date.now, backoff = DEFAULT_BACKOFF, leaseMs = DEFAULT_LEASE_MS } = timings;

  const documents = createDocumentStore(couch, config.sessions);
  const links = createLinks(documents, now);
  const conversation = createConversation({
    links,
    service,
    assertActive: (caller) => identity.accessMonitor.assertActive(caller),
    device: newSourceDeviceId('telegram', Math.random),
    now: Date.now,
    onError,
  });
  const bot = createBot({ token, apiRoot, conversation, backoff, log });

  const dispatcher = createUpdateDispatcher((update) => bot.handleUpdate(update), onError);

  const onLeaseError = (error: unknown): void =>
    log.warn({ err: error }, 'Which process asks Telegram for updates could not be read or stored.');
  const secret = webhookSecret(token);
  const runner = runBot({
    ...{ bot, token, backoff, log },
    ...dispatcher,
    webhook: webhook === undefined ? undefined : { url: webhook + WEBHOOK_PATH, secret },
    lease: { documents, durationMs: leaseMs, now, onError: onLeaseError },
  });

  const linkRoutes = createLinkRoutes({
    links,
    botName: () => (bot.isInited() ? bot.botInfo.username : undefined),
    authenticate: identity.authenticate,
    corsOrigins: options.corsOrigins,
    limits: { link: limits.telegramCodeByName, others: limits.preferencesByName },
    onError,
  });
  const isFirstDelivery = createDeduplicator(documents);
  const acceptUpdate = async (update: Update): Promise<void> => {
    if (!bot.isInited()) throw serviceUnavailable('The bot is not ready yet.');
    if (await isFirstDelivery(update.update_id)) await dispatcher.handle([update]);
  };

  let closed: Promise<void> | undefined;
  return {
    routers: [
      ['/api/users/telegram', linkRoutes],
      ...(webhook === undefined ? [] : [[WEBHOOK_PATH, createWebhook({ secret, onUpdate: acceptUpdate })] as const]),
    ],
    close: () => {
      const finish = async (): Promise<void> => {
        await runner.close();
        await dispatcher.whenIdle();
      };
      closed ??= Promise.race([finish(), delay(MAX_CLOSE_MS, undefined, { ref: false })]);
      return closed;
    },
  };
}
