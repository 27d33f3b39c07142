/**
 * The bytes of the stream of preferences: server-sent events as https://html.spec.whatwg.org/multipage/server-sent-events.html
 * has them. An id is a state token, so what comes back in `Last-Event-ID` says what the client has, on any gate.
 */
import type { StateToken } from '../../registry/state-token.ts';

/** In ms: until a browser comes back after a stream has ended, and a while more, so that not all come at once. */
const RETRY = { least: 1_000, spread: 2_000 } as const;

const event = (name: string, data: object, id?: StateToken): string =>
  `event: ${name}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`;

/** The first event: who it is for, and the state that holds; a client that does not have it is told next. `random` as Math.random. */
export const connected = (username: string, state: StateToken, random: () => number): string =>
  `retry: ${RETRY.least + Math.floor(random() * RETRY.spread)}\n${event('connected', { username, state })}`;

/** The whole preferences. */
export const preferenceUpdate = (preferences: object, state: StateToken): string =>
  event('preference-update', preferences, state);

/** It names no id: what the client has stays what it had. */
export const heartbeat = (now: number): string => event('heartbeat', { at: new Date(now).toISOString() });
