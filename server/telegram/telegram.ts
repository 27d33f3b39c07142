import { setTimeout as delay } from 'node:timers/promises';
import type { Router } from 'express';
import type { Bot } from 'grammy';
import type { Update } from 'grammy/types';
import type { ServerScope } from 'nano';
import type { Logger } from 'pino';
import { newSourceDeviceId } from '../../couchdb-design/user-document/edit-sources.ts';
import type { Config, TelegramConfig } from '../config/config.ts';
import { serviceUnavailable } from '../http/errors.ts';
import type { RateLimits } from '../http/rate-limits.ts';
import type { Identity } from '../identity/identity.ts';
import type { PreferencesService } from '../preferences/service.ts';
import { createBot } from './bot/bot.ts';
import type { BackoffOptions } from './bot/classify-error.ts';
import { Conversation } from './bot/conversation.ts';
import { createDocumentStore, type DocumentStore } from './document-store.ts';
import { createLinks, type Links } from './links/links.ts';
import { createLinkRoutes } from './links/routes.ts';
import { createDeduplicator } from './updates/deduplicate.ts';
import { createUpdateDispatcher, type UpdateDispatcher } from './updates/dispatch.ts';
import { runBot } from './updates/run.ts';
import { createWebhook, WEBHOOK_PATH, webhookSecret } from './updates/webhook.ts';

export interface TelegramOptions {
  readonly config: Pick<Config, 'sessions'> & { readonly telegram: TelegramConfig };
  readonly couch: ServerScope;
  readonly service: PreferencesService;
  readonly identity: Pick<Identity, 'authenticate' | 'accessMonitor'>;
  readonly corsOrigins: readonly string[];
  readonly limits: RateLimits;
  readonly log: Logger;
  /** Called with unexpected errors. */
  readonly onError: (error: unknown) => void;
  readonly timings?: TelegramTimings | undefined;
}

/** Overrides for tests. */
export interface TelegramTimings {
  /** How long after a process's last renewal another one polls for updates, in ms. Default: 30 s. */
  readonly leaseMs?: number;
  /** The delays between attempts, in ms. Default: 1 s, doubled up to 1 min. */
  readonly backoff?: BackoffOptions;
  /** Returns the time in ms since 1970. */
  readonly now?: () => number;
}

/** The bot of this process. */
export interface Telegram {
  /** The routers with the paths to mount them at. */
  readonly routers: readonly (readonly [path: string, router: Router])[];
  /** Finishes the updates in progress, for ten seconds at most, and releases the lease. Never rejects. */
  close(): Promise<void>;
}

const DEFAULT_LEASE_MS = 30_000;
const MAX_CLOSE_MS = 10_000;
const DEFAULT_BACKOFF: BackoffOptions = { initialMs: 1_000, maxMs: 60_000 };

/** Starts the bot. Failures at Telegram are logged and retried; the gate does not wait for it. */
export function startTelegram(options: TelegramOptions): Telegram {
  const { config, couch, log, onError, timings = {} } = options;
  const { token, webhook } = config.telegram;
  const { now = Date.now, backoff = DEFAULT_BACKOFF, leaseMs = DEFAULT_LEASE_MS } = timings;

  const documents = createDocumentStore(couch, config.sessions);
  const links = createLinks(documents, now);
  const bot = createConversationBot(options, config.telegram, links, backoff);
  const dispatcher = createUpdateDispatcher((update) => bot.handleUpdate(update), onError);
  const secret = webhookSecret(token);
  const runner = runBot({
    bot,
    token,
    backoff,
    log,
    ...dispatcher,
    webhook: webhook === undefined ? undefined : { url: webhook + WEBHOOK_PATH, secret },
    lease: {
      documents,
      durationMs: leaseMs,
      now,
      onError: (error) => log.warn({ err: error }, 'The lease for polling Telegram could not be read or stored.'),
    },
  });

  const routers: [string, Router][] = [['/api/users/telegram', createRoutes(options, links, bot)]];
  if (webhook !== undefined) {
    const onUpdate = createUpdateReceiver(bot, documents, dispatcher);
    routers.push([WEBHOOK_PATH, createWebhook({ secret, onUpdate })]);
  }
  const finish = async (): Promise<void> => {
    await runner.close();
    await dispatcher.whenIdle();
  };
  let closed: Promise<void> | undefined;
  return {
    routers,
    close: () => {
      closed ??= Promise.race([finish(), delay(MAX_CLOSE_MS, undefined, { ref: false })]);
      return closed;
    },
  };
}

function createConversationBot(
  { service, identity, log, onError }: TelegramOptions,
  { token, apiRoot }: TelegramConfig,
  links: Links,
  backoff: BackoffOptions,
): Bot {
  const conversation = new Conversation({
    links,
    service,
    assertActive: (caller) => identity.accessMonitor.assertActive(caller),
    device: newSourceDeviceId('telegram', Math.random),
    now: Date.now,
    onError,
  });
  return createBot({ token, apiRoot, conversation, backoff, log });
}

function createRoutes({ identity, corsOrigins, limits, onError }: TelegramOptions, links: Links, bot: Bot): Router {
  return createLinkRoutes({
    links,
    botName: () => (bot.isInited() ? bot.botInfo.username : undefined),
    authenticate: identity.authenticate,
    corsOrigins,
    limits: { link: limits.telegramCodeByName, others: limits.preferencesByName },
    onError,
  });
}

/** Returns a function that handles an update delivered by webhook, once among all gates. */
function createUpdateReceiver(
  bot: Bot,
  documents: DocumentStore,
  dispatcher: UpdateDispatcher,
): (update: Update) => Promise<void> {
  const claimUpdate = createDeduplicator(documents);
  return async (update) => {
    if (!bot.isInited()) throw serviceUnavailable('The bot is not ready yet.');
    if (await claimUpdate(update.update_id)) await dispatcher.handle([update]);
  };
}
