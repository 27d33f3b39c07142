/**
 * The bytes of the stream of preferences: server-sent events as https://html.spec.whatwg.org/multipage/server-sent-events.html
 * has them. An id is a state token, so what comes back in `Last-Event-ID` says what the client has, on any gate.
 */
import type { StateToken } from '../../registry/state-token.ts';

/** In ms: until a browser comes back after a stream has ended, and a while more, so that not all come at once. */
const RECONNECT_DELAY_MS = { min: 1_000, jitter: 2_000 } as const;

const formatEvent = (name: string, data: object, id?: StateToken): string =>
  `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;

/** The first event: who it is for, and the state that holds; a client that does not have it is told next. `random` as Math.random. */
export const connectedEvent = (username: string, state: StateToken, random: () => number): string =>
  `retry: ${RECONNECT_DELAY_MS.min + Math.floor(random() * RECONNECT_DELAY_MS.jitter)}\n${formatEvent('connected', { username, state })}`;

/** The whole preferences. */
export const preferenceUpdateEvent = (preferences: object, state: StateToken): string =>
  formatEvent('preference-update', preferences, state);

/** It names no id: what the client has stays what it had. */
export const heartbeatEvent = (now: number): string => formatEvent('heartbeat', { at: new Date(now).toISOString() });
