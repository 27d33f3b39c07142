/** What can be asked for under `/api`, as data: openapi.json is made of it, and openapi.test.ts holds the server to it. */
import type { z } from 'zod';
import { preferencesPatchSchema, preferencesSchema } from '../../couchdb-design/user-document/preferences.ts';
import {
  credentialsSchema,
  profileSchema,
  sessionListSchema,
  sessionSchema,
  signInOptionsSchema,
  signInSchema,
  telegramChatsSchema,
  telegramLinkSchema,
  userPreferencesSchema,
} from '../contract.ts';

export interface Operation {
  readonly method: 'get' | 'post' | 'put' | 'patch' | 'delete';
  /** As OpenAPI writes it, with `{name}` for a parameter. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** What proves who asks: an access token, the session's cookie, either, or nothing. */
  readonly proof: 'token' | 'cookie' | 'token or cookie' | 'none';
  readonly body?: { readonly types: readonly string[]; readonly schema: z.ZodType | 'one preference' };
  /** Headers that it honours. */
  readonly conditions?: readonly ('If-Match' | 'If-None-Match' | 'Last-Event-ID')[];
  readonly answer: Answer;
  /** What it may refuse with, besides 502 and 503. */
  readonly refusals: readonly number[];
  /** Answers may have an ETag. */
  readonly tagged?: boolean;
}

export interface Answer {
  readonly status: number;
  readonly says: string;
  /** None: the answer has no body. */
  readonly schema?: z.ZodType | 'one preference' | 'events';
}

const JSON_BODY = ['application/json'] as const;
const WHOLE = { status: 200, says: 'The preferences as they are now.', schema: userPreferencesSchema } as const;
const NOTHING = { status: 204, says: 'Done.' } as const;

const AUTH: readonly Operation[] = [
  {
    method: 'get',
    path: '/api/auth/options',
    id: 'signInOptions',
    summary: 'Whether people can register here, and whether there is a Telegram bot.',
    proof: 'none',
    answer: { status: 200, says: 'What there is here.', schema: signInOptionsSchema },
    refusals: [],
  },
  {
    method: 'post',
    path: '/api/auth/register',
    id: 'register',
    summary: 'Makes an account and signs in. The refresh token comes as an HttpOnly cookie.',
    proof: 'none',
    body: { types: JSON_BODY, schema: credentialsSchema },
    answer: { status: 201, says: 'Signed in.', schema: sessionSchema },
    refusals: [400, 403, 409, 413, 415, 429],
  },
  {
    method: 'post',
    path: '/api/auth/sign-in',
    id: 'signIn',
    summary: 'Begins a session. The refresh token comes as an HttpOnly cookie.',
    proof: 'none',
    body: { types: JSON_BODY, schema: signInSchema },
    answer: { status: 200, says: 'Signed in.', schema: sessionSchema },
    refusals: [400, 401, 403, 413, 415, 429],
  },
  {
    method: 'post',
    path: '/api/auth/refresh',
    id: 'refresh',
    summary: 'Exchanges the refresh token for the next one and a new access token.',
    proof: 'cookie',
    answer: { status: 200, says: 'Signed in still.', schema: sessionSchema },
    refusals: [401, 403, 429],
  },
  {
    method: 'post',
    path: '/api/auth/sign-out',
    id: 'signOut',
    summary: 'Ends the session of the cookie, if there is one.',
    proof: 'cookie',
    answer: NOTHING,
    refusals: [403, 429],
  },
  {
    method: 'get',
    path: '/api/auth/sessions',
    id: 'listSessions',
    summary: 'The devices that are signed in.',
    proof: 'token',
    answer: { status: 200, says: 'The last used first.', schema: sessionListSchema },
    refusals: [401, 429],
  },
  {
    method: 'delete',
    path: '/api/auth/sessions',
    id: 'endOtherSessions',
    summary: 'Signs out every device but the one that asks.',
    proof: 'token',
    answer: NOTHING,
    refusals: [401, 429],
  },
  {
    method: 'delete',
    path: '/api/auth/sessions/{id}',
    id: 'endSession',
    summary: 'Signs out one device.',
    proof: 'token',
    answer: NOTHING,
    refusals: [401, 404, 429],
  },
];

const USERS: readonly Operation[] = [
  {
    method: 'get',
    path: '/api/users/profile',
    id: 'profile',
    summary: 'Who asks, and their preferences.',
    proof: 'token',
    conditions: ['If-None-Match'],
    answer: { status: 200, says: 'The profile.', schema: profileSchema },
    refusals: [304, 401, 403, 409, 429],
    tagged: true,
  },
  {
    method: 'get',
    path: '/api/users/preferences',
    id: 'preferences',
    summary: 'All preferences, with the defaults of what was never set.',
    proof: 'token',
    conditions: ['If-None-Match'],
    answer: WHOLE,
    refusals: [304, 401, 403, 409, 429],
    tagged: true,
  },
  {
    method: 'patch',
    path: '/api/users/preferences',
    id: 'patchPreferences',
    summary: 'Sets those that a JSON merge patch (RFC 7396) names; null lets the default hold again.',
    proof: 'token',
    body: { types: ['application/merge-patch+json', 'application/json'], schema: preferencesPatchSchema },
    conditions: ['If-Match'],
    answer: WHOLE,
    refusals: [400, 401, 403, 409, 412, 413, 415, 422, 429],
    tagged: true,
  },
  {
    method: 'get',
    path: '/api/users/preferences/{name}',
    id: 'preference',
    summary: 'One preference, or its default.',
    proof: 'token',
    conditions: ['If-None-Match'],
    answer: { status: 200, says: 'Its value.', schema: 'one preference' },
    refusals: [304, 401, 403, 404, 409, 429],
    tagged: true,
  },
  {
    method: 'put',
    path: '/api/users/preferences/{name}',
    id: 'putPreference',
    summary: 'Sets one preference.',
    proof: 'token',
    body: { types: JSON_BODY, schema: 'one preference' },
    conditions: ['If-Match'],
    answer: WHOLE,
    refusals: [400, 401, 403, 404, 409, 412, 413, 415, 422, 429],
    tagged: true,
  },
  {
    method: 'delete',
    path: '/api/users/preferences/{name}',
    id: 'deletePreference',
    summary: 'Lets the default of one preference hold again.',
    proof: 'token',
    conditions: ['If-Match'],
    answer: WHOLE,
    refusals: [401, 403, 404, 409, 412, 429],
    tagged: true,
  },
  {
    method: 'get',
    path: '/api/users/preferences/stream',
    id: 'streamPreferences',
    summary:
      'The preferences as they change, by server-sent events: `connected`, `preference-update` with the whole (as `GET /api/users/preferences` has it) and the state as its id, and `heartbeat`.',
    proof: 'token or cookie',
    conditions: ['Last-Event-ID'],
    answer: { status: 200, says: 'Events, until the right to hear them ends.', schema: 'events' },
    refusals: [401, 403, 409, 429],
  },
];

/** All of them are 404 where there is no bot. */
const TELEGRAM: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/users/telegram/link',
    id: 'linkTelegram',
    summary: 'Makes a code by which a chat with the Telegram bot is linked; the one before is good no more.',
    proof: 'token',
    answer: { status: 201, says: 'The code, and the link that opens the chat with it.', schema: telegramLinkSchema },
    refusals: [401, 404, 429],
  },
  {
    method: 'get',
    path: '/api/users/telegram',
    id: 'telegramChats',
    summary: 'The linked chats.',
    proof: 'token',
    answer: { status: 200, says: 'The oldest first.', schema: telegramChatsSchema },
    refusals: [401, 404, 429],
  },
  {
    method: 'delete',
    path: '/api/users/telegram/{id}',
    id: 'unlinkTelegram',
    summary: 'Unlinks a chat.',
    proof: 'token',
    answer: NOTHING,
    refusals: [401, 404, 429],
  },
];

export const OPERATIONS: readonly Operation[] = [...AUTH, ...USERS, ...TELEGRAM];

/** The names that a path's `{name}` may be. */
export const PREFERENCE_NAMES = Object.keys(preferencesSchema.shape);
