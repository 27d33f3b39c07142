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
  readonly security: 'token' | 'cookie' | 'token or cookie' | 'none';
  readonly body?: { readonly types: readonly string[]; readonly schema: z.ZodType | 'one preference' };
  /** Headers that it honours. */
  readonly requestHeaders?: readonly ('If-Match' | 'If-None-Match' | 'Last-Event-ID')[];
  readonly response: OperationResponse;
  /** What it may refuse with, besides 502 and 503. */
  readonly otherStatuses: readonly number[];
  /** Answers may have an ETag. */
  readonly hasEtag?: boolean;
}

export interface OperationResponse {
  readonly status: number;
  readonly description: string;
  /** None: the answer has no body. */
  readonly schema?: z.ZodType | 'one preference' | 'events';
}

const JSON_TYPES = ['application/json'] as const;
const PREFERENCES_RESPONSE = {
  status: 200,
  description: 'The preferences as they are now.',
  schema: userPreferencesSchema,
} as const;
const NO_CONTENT_RESPONSE = { status: 204, description: 'Done.' } as const;

const AUTH_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/api/auth/options',
    id: 'signInOptions',
    summary: 'Whether people can register here, and whether there is a Telegram bot.',
    security: 'none',
    response: { status: 200, description: 'What there is here.', schema: signInOptionsSchema },
    otherStatuses: [],
  },
  {
    method: 'post',
    path: '/api/auth/register',
    id: 'register',
    summary: 'Makes an account and signs in. The refresh token comes as an HttpOnly cookie.',
    security: 'none',
    body: { types: JSON_TYPES, schema: credentialsSchema },
    response: { status: 201, description: 'Signed in.', schema: sessionSchema },
    otherStatuses: [400, 403, 409, 413, 415, 429],
  },
  {
    method: 'post',
    path: '/api/auth/sign-in',
    id: 'signIn',
    summary: 'Begins a session. The refresh token comes as an HttpOnly cookie.',
    security: 'none',
    body: { types: JSON_TYPES, schema: signInSchema },
    response: { status: 200, description: 'Signed in.', schema: sessionSchema },
    otherStatuses: [400, 401, 403, 413, 415, 429],
  },
  {
    method: 'post',
    path: '/api/auth/refresh',
    id: 'refresh',
    summary: 'Exchanges the refresh token for the next one and a new access token.',
    security: 'cookie',
    response: { status: 200, description: 'Signed in still.', schema: sessionSchema },
    otherStatuses: [401, 403, 429],
  },
  {
    method: 'post',
    path: '/api/auth/sign-out',
    id: 'signOut',
    summary: 'Ends the session of the cookie, if there is one.',
    security: 'cookie',
    response: NO_CONTENT_RESPONSE,
    otherStatuses: [403, 429],
  },
  {
    method: 'get',
    path: '/api/auth/sessions',
    id: 'listSessions',
    summary: 'The devices that are signed in.',
    security: 'token',
    response: { status: 200, description: 'The last used first.', schema: sessionListSchema },
    otherStatuses: [401, 429],
  },
  {
    method: 'delete',
    path: '/api/auth/sessions',
    id: 'endOtherSessions',
    summary: 'Signs out every device but the one that asks.',
    security: 'token',
    response: NO_CONTENT_RESPONSE,
    otherStatuses: [401, 429],
  },
  {
    method: 'delete',
    path: '/api/auth/sessions/{id}',
    id: 'endSession',
    summary: 'Signs out one device.',
    security: 'token',
    response: NO_CONTENT_RESPONSE,
    otherStatuses: [401, 404, 429],
  },
];

const USER_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/api/users/profile',
    id: 'profile',
    summary: 'Who asks, and their preferences.',
    security: 'token',
    requestHeaders: ['If-None-Match'],
    response: { status: 200, description: 'The profile.', schema: profileSchema },
    otherStatuses: [304, 401, 403, 409, 429],
    hasEtag: true,
  },
  {
    method: 'get',
    path: '/api/users/preferences',
    id: 'preferences',
    summary: 'All preferences, with the defaults of what was never set.',
    security: 'token',
    requestHeaders: ['If-None-Match'],
    response: PREFERENCES_RESPONSE,
    otherStatuses: [304, 401, 403, 409, 429],
    hasEtag: true,
  },
  {
    method: 'patch',
    path: '/api/users/preferences',
    id: 'patchPreferences',
    summary: 'Sets those that a JSON merge patch (RFC 7396) names; null lets the default hold again.',
    security: 'token',
    body: { types: ['application/merge-patch+json', 'application/json'], schema: preferencesPatchSchema },
    requestHeaders: ['If-Match'],
    response: PREFERENCES_RESPONSE,
    otherStatuses: [400, 401, 403, 409, 412, 413, 415, 422, 429],
    hasEtag: true,
  },
  {
    method: 'get',
    path: '/api/users/preferences/{name}',
    id: 'preference',
    summary: 'One preference, or its default.',
    security: 'token',
    requestHeaders: ['If-None-Match'],
    response: { status: 200, description: 'Its value.', schema: 'one preference' },
    otherStatuses: [304, 401, 403, 404, 409, 429],
    hasEtag: true,
  },
  {
    method: 'put',
    path: '/api/users/preferences/{name}',
    id: 'putPreference',
    summary: 'Sets one preference.',
    security: 'token',
    body: { types: JSON_TYPES, schema: 'one preference' },
    requestHeaders: ['If-Match'],
    response: PREFERENCES_RESPONSE,
    otherStatuses: [400, 401, 403, 404, 409, 412, 413, 415, 422, 429],
    hasEtag: true,
  },
  {
    method: 'delete',
    path: '/api/users/preferences/{name}',
    id: 'deletePreference',
    summary: 'Lets the default of one preference hold again.',
    security: 'token',
    requestHeaders: ['If-Match'],
    response: PREFERENCES_RESPONSE,
    otherStatuses: [401, 403, 404, 409, 412, 429],
    hasEtag: true,
  },
  {
    method: 'get',
    path: '/api/users/preferences/stream',
    id: 'streamPreferences',
    summary:
      'The preferences as they change, by server-sent events: `connected`, `preference-update` with the whole (as `GET /api/users/preferences` has it) and the state as its id, and `heartbeat`.',
    security: 'token or cookie',
    requestHeaders: ['Last-Event-ID'],
    response: { status: 200, description: 'Events, until the right to hear them ends.', schema: 'events' },
    otherStatuses: [401, 403, 409, 429],
  },
];

/** All of them are 404 where there is no bot. */
const TELEGRAM_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/users/telegram/link',
    id: 'linkTelegram',
    summary: 'Makes a code by which a chat with the Telegram bot is linked; the one before is good no more.',
    security: 'token',
    response: {
      status: 201,
      description: 'The code, and the link that opens the chat with it.',
      schema: telegramLinkSchema,
    },
    otherStatuses: [401, 404, 429],
  },
  {
    method: 'get',
    path: '/api/users/telegram',
    id: 'telegramChats',
    summary: 'The linked chats.',
    security: 'token',
    response: { status: 200, description: 'The oldest first.', schema: telegramChatsSchema },
    otherStatuses: [401, 404, 429],
  },
  {
    method: 'delete',
    path: '/api/users/telegram/{id}',
    id: 'unlinkTelegram',
    summary: 'Unlinks a chat.',
    security: 'token',
    response: NO_CONTENT_RESPONSE,
    otherStatuses: [401, 404, 429],
  },
];

export const OPERATIONS: readonly Operation[] = [...AUTH_OPERATIONS, ...USER_OPERATIONS, ...TELEGRAM_OPERATIONS];

/** The names that a path's `{name}` may be. */
export const PREFERENCE_NAMES = Object.keys(preferencesSchema.shape);
