import { createHmac, timingSafeEqual } from 'node:crypto';
import express, { Router } from 'express';
import type { Update } from 'grammy/types';
import { z } from 'zod';
import { badRequest, forbidden, methodNotAllowed, notFound, sendJson } from '../../http/errors.ts';

/** Where Telegram brings updates to, below the origin of `TELEGRAM_WEBHOOK`. */
export const WEBHOOK_PATH = '/api/telegram';

/** What Telegram shows with each update: the same for all gates of one bot, and of no use elsewhere. */
export const webhookSecret = (token: string): string =>
  createHmac('sha256', token).update('pouchgate webhook').digest('base64url');

export interface WebhookOptions {
  readonly secret: string;
  /** Resolves when the update is taken, and is handled. Rejects with 502 or 503 when it is to be brought again. */
  readonly onUpdate: (update: Update) => Promise<void>;
}

const updateSchema = z.looseObject({ update_id: z.int() });

/** To be mounted at `WEBHOOK_PATH`. Errors are left to the app. */
export function createWebhook({ secret, onUpdate }: WebhookOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const expected = new TextEncoder().encode(secret);
  const isValidSecret = (text: string): boolean => {
    const shown = new TextEncoder().encode(text);
    return shown.length === expected.length && timingSafeEqual(shown, expected);
  };

  // Before the body is read: it may come from anybody.
  router.post('/', (req, _res, next) => {
    const [shown = ''] = req.headersDistinct['x-telegram-bot-api-secret-token'] ?? [];
    if (!isValidSecret(shown)) throw forbidden('Only Telegram speaks here.');
    next();
  });
  router.post('/', express.json({ limit: '1mb', inflate: false }), async (req, res) => {
    const parsed = updateSchema.safeParse(req.body);
    if (!parsed.success) throw badRequest('The body has to be an update.');
    await onUpdate(parsed.data);
    sendJson(res, 200, {});
  });
  router.all('/', () => {
    throw methodNotAllowed('POST');
  });
  router.use(() => {
    throw notFound();
  });
  return router;
}
