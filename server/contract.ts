import { z } from 'zod';
import { preferencesSchema } from '../couchdb-design/user-document/preferences.ts';

/**
 * The request and response bodies of the HTTP API under `/api`. The client imports the types; the server validates requests
 * against the schemas. Times are ISO 8601 in UTC.
 */

/** The body of a registration. A password has 8 to 256 characters. The username is validated separately. */
export const credentialsSchema = z.strictObject({
  username: z.string().max(256),
  password: z
    .string()
    .min(8, 'A password has at least 8 characters.')
    .max(256, 'A password has at most 256 characters.'),
});
export type Credentials = z.infer<typeof credentialsSchema>;

/** The body of a sign-in. It allows shorter passwords than registration, because an operator may have set one. */
export const signInSchema = credentialsSchema.extend({ password: z.string().min(1).max(256) });

/** The response to register, sign-in and refresh. The refresh token is not part of it: it is sent as an HttpOnly cookie. */
export const sessionSchema = z.strictObject({
  username: z.string(),
  accessToken: z.string().describe('A JWT for the `Authorization: Bearer` header, valid for a few minutes.'),
  expiresAt: z.iso.datetime().describe('When the access token expires.'),
  sessionId: z.string(),
});
export type Session = z.infer<typeof sessionSchema>;

/** One signed-in device. */
export const sessionSummarySchema = z.strictObject({
  id: z.string(),
  device: z.string().describe('A label made from the `User-Agent` header, such as `Firefox on Windows`.'),
  createdAt: z.iso.datetime(),
  refreshedAt: z.iso.datetime(),
  current: z.boolean().describe('True for the session that sent the request.'),
});
export type SessionSummary = z.infer<typeof sessionSummarySchema>;

export const sessionListSchema = z.strictObject({ sessions: z.array(sessionSummarySchema) });
export type SessionList = z.infer<typeof sessionListSchema>;

/** The features of this deployment. */
export const signInOptionsSchema = z.strictObject({
  registration: z
    .enum(['open', 'closed', 'external'])
    .describe('Whether users can register. `external`: another identity provider signs users in.'),
  telegram: z.boolean().describe('Whether users can link chats with a Telegram bot.'),
});
export type SignInOptions = z.infer<typeof signInOptionsSchema>;

/** The last edit of one preference. */
export const lastEditSchema = z.strictObject({
  at: z.iso.datetime(),
  by: z
    .enum(['device', 'rest', 'telegram', 'command line', 'application', 'import'])
    .describe(
      'The interface of the edit. `device`: replication; `application`: the application that mounts the gate; `import`: the import of older data.',
    ),
  device: z.string().describe('The id of the device: five characters.'),
});

/** A user's preferences, merged over all open conflicts, with defaults for those that were never set. */
export const userPreferencesSchema = z.strictObject({
  preferences: preferencesSchema.required(),
  edits: z.record(z.string(), lastEditSchema).describe('The last edit of each preference, including removals.'),
  updatedAt: z.iso.datetime(),
});
export type UserPreferencesResponse = z.infer<typeof userPreferencesSchema>;

export const profileSchema = userPreferencesSchema.extend({
  username: z.string(),
  session: z
    .strictObject({ id: z.string() })
    .nullable()
    .describe('The session of the access token; null when another identity provider issued the token.'),
});

/** A code that links a Telegram chat to the user. */
export const telegramLinkSchema = z.strictObject({
  code: z.string().describe('A single-use code for `/start <code>` in a private chat with the bot.'),
  url: z.url().describe('A link that opens the chat and sends the code.'),
  expiresAt: z.iso.datetime(),
});
export type TelegramLink = z.infer<typeof telegramLinkSchema>;

/** A linked chat, with the names that Telegram reports. */
export const telegramChatSchema = z.strictObject({
  id: z.string(),
  firstName: z.string(),
  username: z.string().nullable(),
  linkedAt: z.iso.datetime(),
});
export type TelegramChat = z.infer<typeof telegramChatSchema>;

export const telegramChatsSchema = z.strictObject({ chats: z.array(telegramChatSchema) });
export type TelegramChats = z.infer<typeof telegramChatsSchema>;

/** Why a request's credentials were refused. A closed set: a client may handle every member. */
export const TOKEN_REFUSAL_CODES = [
  /** The request carries no credentials. */
  'token-missing',
  /** The `Authorization` header is not one bearer token, or the token lacks what every token has, such as `exp`. */
  'token-malformed',
  'token-too-long',
  'token-wrong-algorithm',
  /** The key that its `kid` names is not one of the identity provider's. */
  'token-unknown-key',
  'token-bad-signature',
  'token-not-yet-valid',
  'token-expired',
  /** It expires later than the server accepts. */
  'token-long-lived',
  'token-wrong-issuer',
  'token-wrong-audience',
  /** The claim that names the user is missing, empty or too long. */
  'token-no-subject',
  'session-ended',
  'account-suspended',
] as const;
export type TokenRefusalCode = (typeof TOKEN_REFUSAL_CODES)[number];

const tokenRefusalSchema = z
  .enum(TOKEN_REFUSAL_CODES)
  .optional()
  .describe('Why the credentials were refused. Present on every 401 except that of a wrong password.');

/** The shape of every error under `/sync` and `/api/auth`. */
export const errorSchema = z.strictObject({
  error: z.string().describe('A stable code for programs.'),
  reason: z.string().describe('A sentence for people.'),
  code: tokenRefusalSchema,
});
export type ErrorResponse = z.infer<typeof errorSchema>;

/** The shape of every error under `/api/users`: problem details, RFC 9457. */
export const problemSchema = z.strictObject({
  type: z.literal('about:blank'),
  title: z.string(),
  status: z.int(),
  detail: z.string().describe('A sentence for people.'),
  error: z.string().describe('A stable code for programs.'),
  code: tokenRefusalSchema,
  errors: z
    .array(z.strictObject({ pointer: z.string(), detail: z.string() }))
    .optional()
    .describe('The errors in the body, each with a JSON pointer (RFC 6901) to the invalid value.'),
});
export type Problem = z.infer<typeof problemSchema>;
