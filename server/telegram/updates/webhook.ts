import { createHmac, timingSafeEqual } from 'node:crypto';
import express, { Router } from 'express';
import type { Update } from 'grammy/types';
import { z } from 'zod';
import { badRequest, forbidden, methodNotAllowed, notFound, sendJson } from '../../http/errors.ts';

/** The path of the webhook, below the origin of `TELEGRAM_WEBHOOK`. */
export const WEBHOOK_PATH = '/api/telegram';

/** Derives the secret that Telegram sends with each update. It is the same on all gates of one bot. */
export const webhookSecret = (token: string): string =>
  createHmac('sha256', token).update('pouchgate webhook').digest('base64url');

export interface WebhookOptions {
  readonly secret: string;
  /** Resolves once the update is claimed. Rejects with 502 or 503 if Telegram must send it again. */
  readonly onUpdate: (update: Update) => Promise<void>;
}

const updateSchema = z.looseObject({ update_id: z.int() });

/** Creates the router of the webhook, to be mounted at `WEBHOOK_PATH`. The application handles its errors. */
export function createWebhook({ secret, onUpdate }: WebhookOptions): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const expected = new TextEncoder().encode(secret);
  const isValidSecret = (text: string): boolean => {
    const actual = new TextEncoder().encode(text);
    return actual.length === expected.length && timingSafeEqual(actual, expected);
  };

  // Before the body is read, because any client can send one.
  router.post('/', (req, _res, next) => {
    const [secretToken = ''] = req.headersDistinct['x-telegram-bot-api-secret-token'] ?? [];
    if (!isValidSecret(secretToken)) throw forbidden('The secret token is missing or invalid.');
    next();
  });
  router.post('/', express.json({ limit: '1mb', inflate: false }), async (req, res) => {
    const parsed = updateSchema.safeParse(req.body);
    if (!parsed.success) throw badRequest('The body must be a Telegram update.');
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
