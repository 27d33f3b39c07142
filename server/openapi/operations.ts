/** The operations under `/api`, as data. openapi.json is generated from it, and openapi.test.ts checks the server against it. */
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
  /** In OpenAPI's syntax, with `{name}` for a parameter. */
  readonly path: string;
  readonly id: string;
  readonly summary: string;
  /** How the request is authenticated: by an access token, the session cookie, either of them, or not at all. */
  readonly security: 'token' | 'cookie' | 'token or cookie' | 'none';
  readonly body?: { readonly types: readonly string[]; readonly schema: z.ZodType | 'one preference' };
  /** The optional request headers that it supports. */
  readonly requestHeaders?: readonly ('If-Match' | 'If-None-Match' | 'Last-Event-ID')[];
  /** The optional query parameters, which are numbers of milliseconds, with what they mean. */
  readonly queryParameters?: Readonly<Record<string, string>>;
  readonly response: OperationResponse;
  /** Other statuses that it may send, besides 502 and 503. */
  readonly otherStatuses: readonly number[];
  /** Whether successful responses have an ETag. */
  readonly hasEtag?: boolean;
}

export interface OperationResponse {
  readonly status: number;
  readonly description: string;
  /** Undefined when the response has no body. */
  readonly schema?: z.ZodType | 'one preference' | 'events';
}

const JSON_TYPES = ['application/json'] as const;
const PREFERENCES_RESPONSE = {
  status: 200,
  description: 'The current preferences.',
  schema: userPreferencesSchema,
} as const;
const NO_CONTENT_RESPONSE = { status: 204, description: 'Done.' } as const;

const AUTH_OPERATIONS: readonly Operation[] = [
  {
    method: 'get',
    path: '/api/auth/options',
    id: 'signInOptions',
    summary: 'Returns whether users can register and whether there is a Telegram bot.',
    security: 'none',
    response: { status: 200, description: 'The features of this deployment.', schema: signInOptionsSchema },
    otherStatuses: [],
  },
  {
    method: 'post',
    path: '/api/auth/register',
    id: 'register',
    summary: 'Creates an account and signs in. The refresh token is sent as an HttpOnly cookie.',
    security: 'none',
    body: { types: JSON_TYPES, schema: credentialsSchema },
    response: { status: 201, description: 'Signed in.', schema: sessionSchema },
    otherStatuses: [400, 403, 409, 413, 415, 429],
  },
  {
    method: 'post',
    path: '/api/auth/sign-in',
    id: 'signIn',
    summary: 'Starts a session. The refresh token is sent as an HttpOnly cookie.',
    security: 'none',
    body: { types: JSON_TYPES, schema: signInSchema },
    response: { status: 200, description: 'Signed in.', schema: sessionSchema },
    otherStatuses: [400, 401, 403, 413, 415, 429],
  },
  {
    method: 'post',
    path: '/api/auth/refresh',
    id: 'refresh',
    summary: 'Exchanges the refresh token for its successor and a new access token.',
    security: 'cookie',
    response: { status: 200, description: 'Still signed in.', schema: sessionSchema },
    otherStatuses: [401, 403, 429],
  },
  {
    method: 'post',
    path: '/api/auth/sign-out',
    id: 'signOut',
    summary: 'Ends the session of the refresh cookie, if there is one.',
    security: 'cookie',
    response: NO_CONTENT_RESPONSE,
    otherStatuses: [401, 403, 429],
  },
  {
    method: 'get',
    path: '/api/auth/sessions',
    id: 'listSessions',
    summary: 'Lists the signed-in devices.',
    security: 'token',
    response: {
      status: 200,
      description: 'The sessions, the most recently refreshed first.',
      schema: sessionListSchema,
    },
    otherStatuses: [401, 429],
  },
  {
    method: 'delete',
    path: '/api/auth/sessions',
    id: 'endOtherSessions',
    summary: 'Signs out every device except the current one.',
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
    summary: 'Returns the user and their preferences.',
    security: 'token',
    requestHeaders: ['If-None-Match'],
    response: { status: 200, description: 'The profile.', schema: profileSchema },
    otherStatuses: [304, 401, 409, 429],
    hasEtag: true,
  },
  {
    method: 'get',
    path: '/api/users/preferences',
    id: 'preferences',
    summary: 'Returns all preferences, with defaults for those that were never set.',
    security: 'token',
    requestHeaders: ['If-None-Match'],
    response: PREFERENCES_RESPONSE,
    otherStatuses: [304, 401, 409, 429],
    hasEtag: true,
  },
  {
    method: 'patch',
    path: '/api/users/preferences',
    id: 'patchPreferences',
    summary: 'Edits preferences by a JSON merge patch (RFC 7396); null resets a preference to its default.',
    security: 'token',
    body: { types: ['application/merge-patch+json', 'application/json'], schema: preferencesPatchSchema },
    requestHeaders: ['If-Match'],
    response: PREFERENCES_RESPONSE,
    otherStatuses: [400, 401, 409, 412, 413, 415, 422, 429],
    hasEtag: true,
  },
  {
    method: 'get',
    path: '/api/users/preferences/{name}',
    id: 'preference',
    summary: 'Returns one preference, or its default.',
    security: 'token',
    requestHeaders: ['If-None-Match'],
    response: { status: 200, description: 'The value.', schema: 'one preference' },
    otherStatuses: [304, 401, 404, 409, 429],
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
    otherStatuses: [400, 401, 404, 409, 412, 413, 415, 422, 429],
    hasEtag: true,
  },
  {
    method: 'delete',
    path: '/api/users/preferences/{name}',
    id: 'deletePreference',
    summary: 'Resets one preference to its default.',
    security: 'token',
    requestHeaders: ['If-Match'],
    response: PREFERENCES_RESPONSE,
    otherStatuses: [401, 404, 409, 412, 429],
    hasEtag: true,
  },
  {
    method: 'get',
    path: '/api/users/preferences/stream',
    id: 'streamPreferences',
    summary:
      'Streams server-sent events: `connected`, `preference-update`, and `heartbeat`. An update has the body of `GET /api/users/preferences` as data and the state as its id.',
    security: 'token or cookie',
    requestHeaders: ['Last-Event-ID'],
    queryParameters: {
      heartbeat: 'The interval of the heartbeats, from 1,000 to 60,000.',
      timeout: 'Ends the response after this time, from 1,000 to 60,000, or after the first update.',
    },
    response: { status: 200, description: 'The events, until access ends.', schema: 'events' },
    otherStatuses: [400, 401, 403, 409, 429],
  },
];

/** Each of them is 404 when there is no bot. */
const TELEGRAM_OPERATIONS: readonly Operation[] = [
  {
    method: 'post',
    path: '/api/users/telegram/link',
    id: 'linkTelegram',
    summary: 'Creates a code that links a chat with the Telegram bot, and invalidates the previous code.',
    security: 'token',
    response: {
      status: 201,
      description: 'The code, and a link that opens the chat with it.',
      schema: telegramLinkSchema,
    },
    otherStatuses: [401, 404, 429],
  },
  {
    method: 'get',
    path: '/api/users/telegram',
    id: 'telegramChats',
    summary: 'Lists the linked chats.',
    security: 'token',
    response: { status: 200, description: 'The chats, the oldest link first.', schema: telegramChatsSchema },
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

/** The valid values of the path parameter `{name}`. */
export const PREFERENCE_NAMES = Object.keys(preferencesSchema.shape);
