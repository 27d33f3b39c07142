import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { parseStoredUsername, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Session } from './state.ts';

/** A session as it is stored. It holds no credentials: the refresh token is not part of it. */
const sessionDocumentSchema = z.object({
  _id: z.templateLiteral(['session:', z.string()]),
  type: z.literal('session'),
  username: z.string(),
  device: z.string(),
  created_at: z.iso.datetime(),
  refreshed_at: z.iso.datetime(),
  expires_at: z.iso.datetime(),
  generation: z.int().positive(),
  ended_at: z.iso.datetime().optional(),
  ended_by: z.enum(['sign-out', 'user', 'operator', 'suspension', 'reuse', 'too-many']).optional(),
});

export type SessionDocument = z.output<typeof sessionDocumentSchema>;

/** Returns the id of a session's document. */
export const sessionDocumentId = (sessionId: string): `session:${string}` => `session:${sessionId}`;

/** The id of the document whose existence suspends an account, whichever identity provider issues its tokens. */
export const suspensionDocumentId = (username: Username): string => `suspended:${username}`;

/** Returns the username in a suspension's document id; undefined for any other id. */
export const parseSuspensionDocumentId = (documentId: string): Username | undefined =>
  documentId.startsWith('suspended:') ? parseStoredUsername(documentId.slice('suspended:'.length)) : undefined;

/** Returns the session id in a session's document id; undefined for any other id. */
export const parseSessionDocumentId = (documentId: string): string | undefined =>
  documentId.startsWith('session:') ? documentId.slice('session:'.length) : undefined;

/**
 * Returns the prefix of all session ids of one user, so that one key range lists them without a view. It is a digest, because a
 * username may contain characters that an id must not. Digests can collide, so a listing must compare the username too.
 */
export const sessionIdPrefix = (username: Username): string =>
  `${createHash('sha256').update(username).digest('hex').slice(0, 16)}-`;

/** Returns a new session id with 128 random bits, so ids are unique and cannot be guessed. */
export const newSessionId = (username: Username): string =>
  `${sessionIdPrefix(username)}${randomBytes(16).toString('base64url')}`;

const toIso = (time: number): string => new Date(time).toISOString();

/** Returns the document that stores a session. */
export const toSessionDocument = (session: Session): SessionDocument => ({
  _id: sessionDocumentId(session.id),
  type: 'session',
  username: session.username,
  device: session.device,
  created_at: toIso(session.createdAt),
  refreshed_at: toIso(session.refreshedAt),
  expires_at: toIso(session.expiresAt),
  generation: session.generation,
  ...(session.ended === undefined ? {} : { ended_at: toIso(session.ended.at), ended_by: session.ended.by }),
});

/** Returns undefined when `value` is not a valid session document. */
export function parseSessionDocument(value: unknown): Session | undefined {
  const result = sessionDocumentSchema.safeParse(value);
  const username = parseStoredUsername(result.data?.username);
  const id = parseSessionDocumentId(result.data?._id ?? '');
  if (!result.success || username === undefined || id === undefined) return undefined;
  const { data } = result;
  return {
    id,
    username,
    device: data.device,
    createdAt: Date.parse(data.created_at),
    refreshedAt: Date.parse(data.refreshed_at),
    expiresAt: Date.parse(data.expires_at),
    generation: data.generation,
    ended:
      data.ended_at === undefined && data.ended_by === undefined
        ? undefined
        : { at: Date.parse(data.ended_at ?? data.refreshed_at), by: data.ended_by ?? 'user' },
  };
}
