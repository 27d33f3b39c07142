/**
 * Formats the events of the preference stream (https://html.spec.whatwg.org/multipage/server-sent-events.html). An event id
 * is a state token, so `Last-Event-ID` identifies the client's state on any gate.
 */
import { decodeSubject, type Username } from '../../../couchdb-design/user-document/username.ts';
import type { StateToken } from '../../registry/state-token.ts';

/** In ms: the delay before a browser reconnects after a stream has ended. The jitter spreads the reconnects. */
const RECONNECT_DELAY_MS = { min: 1_000, jitter: 2_000 } as const;

const formatEvent = (name: string, data: object, id?: StateToken): string =>
  `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;

/** The first event: the user and the current state. A client without that state receives it next. `random` is like Math.random. */
export const connectedEvent = (username: Username, state: StateToken, random: () => number): string =>
  `retry: ${RECONNECT_DELAY_MS.min + Math.floor(random() * RECONNECT_DELAY_MS.jitter)}\n${formatEvent('connected', { username: decodeSubject(username), state })}`;

/** Carries the whole preferences. */
export const preferenceUpdateEvent = (preferences: object, state: StateToken): string =>
  formatEvent('preference-update', preferences, state);

/** Has no id, so that the client's `Last-Event-ID` stays the state that it has. */
export const heartbeatEvent = (now: number): string => formatEvent('heartbeat', { at: new Date(now).toISOString() });
