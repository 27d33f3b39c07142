import { setTimeout as delay } from 'node:timers/promises';
import type { Router } from 'express';
import type { Update } from 'grammy/types';
import type { ServerScope } from 'nano';
import type { Logger } from 'pino';
import { newDoorId } from '../../couchdb-design/user-document/edit-sources.ts';
import type { Config } from '../config/config.ts';
import { unavailable } from '../http/errors.ts';
import type { Identity } from '../identity/identity.ts';
import type { RateLimits } from '../http/rate-limits.ts';
import type { PreferencesService } from '../preferences/service.ts';
import { createBot } from './bot/bot.ts';
import { createConversation } from './bot/conversation.ts';
import { createDocuments } from './document-store.ts';
import type { Waits } from './bot/classify-error.ts';
import { createHandling } from './updates/dispatch.ts';
import { createLinks } from './links/links.ts';
import { createRoutes } from './links/routes.ts';
import { runBot } from './updates/run.ts';
import { createTake } from './updates/deduplicate.ts';
import { createWebhook, WEBHOOK_PATH, webhookSecret } from './updates/webhook.ts';

export interface TelegramOptions {
  readonly config: Pick<Config, 'telegram' | 'sessions'>;
  readonly couch: ServerScope;
  readonly service: PreferencesService;
  readonly identity: Pick<Identity, 'authenticate' | 'rights'>;
  readonly corsOrigins: readonly string[];
  readonly limits: RateLimits;
  readonly log: Logger;
  readonly onError: (error: unknown) => void;
  readonly times?: TelegramTimes | undefined;
}

/** For tests to change. In ms. */
export interface TelegramTimes {
  /** How long after a process was last heard of another one asks for updates. */
  readonly lease?: number;
  /** Between attempts. */
  readonly waits?: Waits;
  readonly now?: () => number;
}

/** The bot, or that there is none. */
export interface Telegram {
  /** Each with where it is to be mounted. */
  readonly routers: readonly (readonly [path: string, router: Router])[];
  /** Finishes what is under way, and gives the updates to another process. Never rejects. */
  close(): Promise<void>;
}

const LEASE = 30_000;
/** What is under way longer than this at the end is left. */
const LONGEST_CLOSE = 10_000;
const WAITS: Waits = { first: 1_000, longest: 60_000 };

/** Starts the bot when one is configured. What fails at Telegram is logged and tried again: no gate waits for it. */
export function startTelegram(options: TelegramOptions): Telegram {
  const { config, couch, service, identity, limits, log, onError, times = {} } = options;
  if (config.telegram === undefined) return { routers: [], close: () => Promise.resolve() };
  const { token, apiRoot, webhook } = config.telegram;
  const { now = Date.now, waits = WAITS, lease = LEASE } = times;

  const documents = createDocuments(couch, config.sessions);
  const links = createLinks(documents, now);
  const conversation = createConversation({
    links,
    service,
    checkRight: (caller) => identity.rights.check(caller),
    device: newDoorId('telegram', Math.random),
    now: Date.now,
    onError,
  });
  const bot = createBot({ token, apiRoot, conversation, waits, log });

  const handling = createHandling((update) => bot.handleUpdate(update), onError);

  const onTrouble = (error: unknown): void =>
    log.warn({ err: error }, 'Which process asks Telegram for updates could not be read or stored.');
  const secret = webhookSecret(token);
  const running = runBot({
    ...{ bot, token, waits, log },
    ...handling,
    webhook: webhook === undefined ? undefined : { url: webhook + WEBHOOK_PATH, secret },
    lease: { documents, life: lease, now, onTrouble },
  });

  const users = createRoutes({
    links,
    botName: () => (bot.isInited() ? bot.botInfo.username : undefined),
    authenticate: identity.authenticate,
    corsOrigins: options.corsOrigins,
    limits: { link: limits.telegramCodeByName, others: limits.preferencesByName },
    onError,
  });
  const takeUpdate = createTake(documents);
  const take = async (update: Update): Promise<void> => {
    if (!bot.isInited()) throw unavailable('The bot is not ready yet.');
    if (await takeUpdate(update.update_id)) await handling.handle([update]);
  };

  let closed: Promise<void> | undefined;
  return {
    routers: [
      ['/api/users/telegram', users],
      ...(webhook === undefined ? [] : [[WEBHOOK_PATH, createWebhook({ secret, take })] as const]),
    ],
    close: () => {
      const finished = async (): Promise<void> => {
        await running.close();
        await handling.settled();
      };
      closed ??= Promise.race([finished(), delay(LONGEST_CLOSE, undefined, { ref: false })]);
      return closed;
    },
  };
}
