import { z } from 'zod';

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
export interface Session {
  username: string;
  /** A JWT for the `Authorization: Bearer` header; it lives for minutes. */
  accessToken: string;
  /** When the access token ends. */
  expiresAt: string;
  sessionId: string;
}

/** One signed-in device. */
export interface SessionSummary {
  id: string;
  /** What the browser says of itself, shortened: for people to tell their devices apart. */
  device: string;
  createdAt: string;
  refreshedAt: string;
  /** True for the session that asks. */
  current: boolean;
}

export interface SessionList {
  sessions: SessionSummary[];
}

/** Whether the page may offer to register, or leaves signing in to another identity provider (`external`). */
export interface SignInOptions {
  registration: 'open' | 'closed' | 'external';
}

/** The shape of every error. */
export interface ErrorAnswer {
  error: string;
  reason: string;
}
