import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { parseStoredUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';

/*
 * The documents of links, in the database of sessions. All of them are read by id:
 *
 * - `telegram-chat:<chat>` is the link itself, so a chat has at most one;
 * - `telegram-link:<digest of the user>-<chat>` is an entry of the user's list of links. It is valid only while the chat's own
 *   document has the same user;
 * - `telegram-code:<digest of the code>` is an unused code, and `telegram-code-of:<user>` refers to the user's newest code.
 */

/** A chat that is linked to a user. */
export interface Link {
  readonly chat: number;
  readonly username: Username;
  /** The first name in the chat's Telegram profile. */
  readonly firstName: string;
  /** The username at Telegram; `undefined` if there is none. */
  readonly telegramName: string | undefined;
  /** In ms since 1970. */
  readonly linkedAt: number;
  /** Eight random characters that identify this link in its buttons. */
  readonly tag: string;
}

/** An unused code. */
export interface LinkCode {
  readonly username: Username;
  /** The session that requested it; `undefined` with another identity provider. */
  readonly sessionId: string | undefined;
  /** In ms since 1970. */
  readonly expiresAt: number;
}

const digest = (text: string): string => createHash('sha256').update(text).digest('hex');

export const generateCode = (): string => randomBytes(24).toString('base64url');
export const generateTag = (): string => randomBytes(6).toString('base64url');

export const chatDocumentId = (chat: number): string => `telegram-chat:${chat}`;
export const codeDocumentId = (code: string): string => `telegram-code:${digest(code)}`;
export const newestCodeDocumentId = (username: Username): string => `telegram-code-of:${username}`;
/** Two names may share a digest, so a list is filtered by username. */
export const linkIdPrefix = (username: Username): string => `telegram-link:${digest(username).slice(0, 16)}-`;
export const linkDocumentId = (username: Username, chat: number): string => `${linkIdPrefix(username)}${chat}`;

/** Parses the chat from the id of a list entry. */
export function parseLinkedChat(id: string): number | undefined {
  const [, chat] = /^telegram-link:[0-9a-f]{16}-(\d{1,16})$/.exec(id) ?? [];
  return chat === undefined ? undefined : Number(chat);
}

const chatSchema = z.object({
  _id: z.string(),
  type: z.literal('telegram-chat'),
  chat: z.int().positive(),
  username: z.string(),
  first_name: z.string(),
  telegram_name: z.string().optional(),
  linked_at: z.iso.datetime(),
  tag: z.string(),
});

const codeSchema = z.object({
  type: z.literal('telegram-code'),
  username: z.string(),
  session_id: z.string().optional(),
  expires_at: z.iso.datetime(),
});

export const toChatDocument = (link: Link): z.output<typeof chatSchema> => ({
  _id: chatDocumentId(link.chat),
  type: 'telegram-chat',
  chat: link.chat,
  username: link.username,
  first_name: link.firstName,
  ...(link.telegramName === undefined ? {} : { telegram_name: link.telegramName }),
  linked_at: new Date(link.linkedAt).toISOString(),
  tag: link.tag,
});

export const toCodeDocument = (code: LinkCode): z.output<typeof codeSchema> => ({
  type: 'telegram-code',
  username: code.username,
  ...(code.sessionId === undefined ? {} : { session_id: code.sessionId }),
  expires_at: new Date(code.expiresAt).toISOString(),
});

/** Returns `undefined` for a document that is not a valid link. */
export function parseLink(document: unknown): Link | undefined {
  const { data } = chatSchema.safeParse(document);
  const username = parseStoredUsername(data?.username);
  if (data === undefined || username === undefined || data._id !== chatDocumentId(data.chat)) return undefined;
  return {
    chat: data.chat,
    username,
    firstName: data.first_name,
    telegramName: data.telegram_name,
    linkedAt: Date.parse(data.linked_at),
    tag: data.tag,
  };
}

/** Returns `undefined` for a document that is not a valid code. */
export function parseCode(document: unknown): LinkCode | undefined {
  const { data } = codeSchema.safeParse(document);
  const username = parseStoredUsername(data?.username);
  if (data === undefined || username === undefined) return undefined;
  return { username, sessionId: data.session_id, expiresAt: Date.parse(data.expires_at) };
}
