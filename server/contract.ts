import { z } from 'zod';
import { preferencesSchema } from '../couchdb-design/user-document/preferences.ts';

/**
 * The shapes of the HTTP API under `/api`. The client takes its types from here; the server checks what comes in
 * against these schemas. Times are ISO 8601 in UTC. Errors are CouchDB's `{error, reason}`.
 */

/** What a person types to sign in or to register. A password is 8 to 256 characters; a username is checked apart. */
export const credentialsSchema = z.strictObject({
  username: z.string().max(256),
  password: z
    .string()
    .min(8, 'A password has at least 8 characters.')
    .max(256, 'A password has at most 256 characters.'),
});
export type Credentials = z.infer<typeof credentialsSchema>;

/** Signing in asks less of a password than registering: accounts that an operator made may have a shorter one. */
export const signInSchema = credentialsSchema.extend({ password: z.string().min(1).max(256) });

/** The answer to register, sign-in and refresh. The refresh token is not in it: it is an HttpOnly cookie. */
export const sessionSchema = z.strictObject({
  username: z.string(),
  accessToken: z.string().describe('A JWT for the `Authorization: Bearer` header; it lives for minutes.'),
  expiresAt: z.iso.datetime().describe('When the access token ends.'),
  sessionId: z.string(),
});
export type Session = z.infer<typeof sessionSchema>;

/** One signed-in device. */
export const sessionSummarySchema = z.strictObject({
  id: z.string(),
  device: z.string().describe('What the browser says of itself, shortened: for people to tell their devices apart.'),
  createdAt: z.iso.datetime(),
  refreshedAt: z.iso.datetime(),
  current: z.boolean().describe('True for the session that asks.'),
});
export type SessionSummary = z.infer<typeof sessionSummarySchema>;

export const sessionListSchema = z.strictObject({ sessions: z.array(sessionSummarySchema) });
export type SessionList = z.infer<typeof sessionListSchema>;

/** What there is here beside signing in. */
export const signInOptionsSchema = z.strictObject({
  registration: z
    .enum(['open', 'closed', 'external'])
    .describe('Whether a page may offer to register, or leaves signing in to another identity provider.'),
  telegram: z.boolean().describe('Whether chats with the Telegram bot can be linked.'),
});
export type SignInOptions = z.infer<typeof signInOptionsSchema>;

/** The last edit of one preference. */
export const lastEditSchema = z.strictObject({
  at: z.iso.datetime(),
  by: z
    .enum(['device', 'rest', 'telegram', 'command line', 'application'])
    .describe('`device`: by replication; `application`: by the program that the gate is mounted in.'),
  device: z.string().describe('Five characters that tell devices apart.'),
});

/** A user's preferences over all open conflicts, with the defaults of what was never set. */
export const userPreferencesSchema = z.strictObject({
  preferences: preferencesSchema.required(),
  edits: z.record(z.string(), lastEditSchema).describe('By preference, its last edit; removals too.'),
  updatedAt: z.iso.datetime(),
});
export type UserPreferencesResponse = z.infer<typeof userPreferencesSchema>;

export const profileSchema = userPreferencesSchema.extend({
  username: z.string(),
  session: z
    .strictObject({ id: z.string() })
    .nullable()
    .describe('The session of the token that asks; none when another identity provider issued it.'),
});

/** A way to link a Telegram chat to the user who asks. */
export const telegramLinkSchema = z.strictObject({
  code: z.string().describe('Good once, for `/start <code>` in a private chat with the bot.'),
  url: z.url().describe('Opens that chat, and says it.'),
  expiresAt: z.iso.datetime(),
});
export type TelegramLink = z.infer<typeof telegramLinkSchema>;

/** A linked chat, as Telegram tells of it. */
export const telegramChatSchema = z.strictObject({
  id: z.string(),
  firstName: z.string(),
  username: z.string().nullable(),
  linkedAt: z.iso.datetime(),
});
export type TelegramChat = z.infer<typeof telegramChatSchema>;

export const telegramChatsSchema = z.strictObject({ chats: z.array(telegramChatSchema) });
export type TelegramChats = z.infer<typeof telegramChatsSchema>;

/** The shape of every error under `/sync` and `/api/auth`. */
export const errorSchema = z.strictObject({
  error: z.string().describe('A stable code for programs.'),
  reason: z.string().describe('A sentence for people.'),
});
export type ErrorResponse = z.infer<typeof errorSchema>;

/** The shape of every error under `/api/users`: problem details, RFC 9457. */
export const problemSchema = z.strictObject({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('A sentence for people.'),
  error: z.string().describe('A stable code for programs.'),
  errors: z
    .array(z.strictObject({ pointer: z.string(), detail: z.string() }))
    .optional()
    .describe('What is wrong with the body, each with a JSON pointer (RFC 6901) to it.'),
});
export type Problem = z.infer<typeof problemSchema>;
