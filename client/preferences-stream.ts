/** One user's preferences to read and to follow, by the server's stream of events: without a database, and without PouchDB. */
import { preferencesStandard } from '../couchdb-design/check-preferences.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../couchdb-design/preference-rules.ts';
import { defaultEnvironment, type Environment } from './platform/environment.ts';
import { watchSleep } from './platform/sleep.ts';
import { createSyncFetch } from './platform/sync-fetch.ts';
import { createTokens, type GetToken } from './platform/tokens.ts';
import { shapeOf, type Values } from './store/shape.ts';
import type { PreferencesStore, SchemaOptions, ShownOf, ShownPreferences } from './store-api.ts';
import { backoff } from './sync/backoff.ts';
import { readEvents, type ServerEvent } from './sync/event-lines.ts';
import { fields, parseJson } from './sync/json.ts';
import { retryAfter } from './sync/retry-after.ts';
import { advance, shownStatus, STARTING, type StatusEvent, type SyncStatus } from './sync/status.ts';
import { createWakeSignal } from './sync/wake-signal.ts';

export type { GetToken } from './platform/tokens.ts';
export type { SyncState, SyncStatus } from './sync/status.ts';

export interface StreamOptions {
  /** Of the stream, e.g. `https://example.org/api/users/preferences/stream`. */
  readonly url: string;
  readonly username: string;
  /** See GetToken: it must give tokens of this user and of nobody else. */
  readonly getToken: GetToken;
  readonly environment?: Partial<Pick<Environment, 'now' | 'random' | 'fetch' | 'onWake' | 'onOffline'>>;
  /** Milliseconds without a sign of life after which the connection is taken for dead; the server gives one every 20 seconds. */
  readonly silence?: number;
}

/** Nothing is kept: what is shown before the first answer are the defaults, and offline it is what was told last. */
export interface PreferencesStream<Shown extends object = ShownPreferences> extends Pick<
  PreferencesStore,
  'username' | 'subscribe' | 'status' | 'retry'
> {
  /** All preferences, with the defaults. The same object until something changes. */
  readonly get: () => Shown;
  /** Resolved when the preferences have come for the first time. */
  readonly ready: Promise<void>;
  readonly close: () => void;
}

const SILENCE_MS = 50_000;
/** What was live for as long was no failure. */
const STEADY_MS = 5_000;
/** What a connection has told is kept as long as it lasts; in characters. */
const MOST_TOLD = 1_000_000;

export function createPreferencesStream(options: StreamOptions): PreferencesStream;
export function createPreferencesStream<P extends object, const D extends Partial<P> = object>(
  options: StreamOptions & SchemaOptions<P, D>,
): PreferencesStream<ShownOf<P, D>>;
export function createPreferencesStream(
  options: StreamOptions & Partial<SchemaOptions<object, object>>,
): PreferencesStream<Values> {
  const { url, username, silence = SILENCE_MS } = options;
  const { known } = shapeOf(options.schema ?? preferencesStandard);
  const defaults: Preferences = options.defaults ?? (options.schema === undefined ? DEFAULT_PREFERENCES : {});
  const { now, random, fetch, onWake, onOffline }: Environment = { ...defaultEnvironment(), ...options.environment };
  const tokens = createTokens(options.getToken, silence);
  const listeners = new Set<() => void>();
  const stopping = new AbortController();
  const wake = createWakeSignal();
  const isStopped = (): boolean => stopping.signal.aborted;
  let onRead = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    onRead = resolve;
  });

  let shown: Values = { ...defaults };
  let state = '';
  let progress = STARTING;
  let status: SyncStatus = shownStatus(progress);
  let heard = 0;
  let liveSince = Infinity;

  const notify = (): void => {
    for (const listener of listeners) listener();
  };
  const dispatch = (event: StatusEvent): void => {
    const before = progress;
    progress = advance(before, event);
    if (progress === before) return;
    status = shownStatus(progress);
    notify();
  };
  const caughtUp = (): void => {
    liveSince = Math.min(liveSince, now());
    dispatch({ type: 'caught-up', at: now() });
  };

  /** False: it is another's. */
  const take = ({ name, id, data }: ServerEvent): boolean => {
    const told = fields(parseJson(data));
    if (name === 'connected') {
      if (told['username'] !== username) return false;
      dispatch({ type: 'answered' });
      if (told['state'] === state) caughtUp();
    } else if (name === 'preference-update' && id !== undefined) {
      state = id;
      shown = { ...defaults, ...known(fields(told['preferences'])) };
      onRead();
      notify();
      caughtUp();
    }
    return true;
  };

  /** One connection, to its end. Resolves with whether the person has to sign in, and how long the server wants to be left alone. */
  const follow = async (): Promise<{ readonly needsSignIn: boolean; readonly asked: number }> => {
    const end = new AbortController();
    const endOffline = onOffline(() => end.abort());
    const endWake = wake.listen(() => {
      if (now() - heard > silence / 2) end.abort();
    });
    let needsSignIn = false;
    const ask = createSyncFetch({
      fetch,
      tokens,
      silence,
      signal: AbortSignal.any([stopping.signal, end.signal]),
      onHeard: () => {
        heard = now();
      },
      onSignInNeeded: () => {
        needsSignIn = true;
      },
    });
    const read = readEvents();
    const headers = { Accept: 'text/event-stream', ...(state === '' ? {} : { 'Last-Event-ID': state }) };
    let asked = 0;
    try {
      const { response } = await ask(new URL(url), { headers }, (text) => {
        const isOwn = read(text).every(take);
        needsSignIn ||= !isOwn;
        if (!isOwn || text.length > MOST_TOLD) end.abort();
      });
      asked = retryAfter(response.headers.get('Retry-After'), now());
    } catch {
      // Broken off, by whom does not matter: the next one begins where this one ended.
    }
    endOffline();
    endWake();
    return { needsSignIn, asked };
  };

  const run = async (): Promise<void> => {
    const endOnWake = onWake(wake.ring);
    const endSleep = watchSleep(now, wake.ring);
    let failures = 0;
    while (!isStopped()) {
      liveSince = Infinity;
      dispatch({ type: 'begun' });
      const { needsSignIn, asked } = await follow();
      if (isStopped()) break;
      failures = heard - liveSince > STEADY_MS ? 1 : failures + 1;
      dispatch({ type: needsSignIn ? 'sign-in-needed' : 'interrupted', heard });
      const wait = needsSignIn ? undefined : backoff(failures, random, asked);
      if (await wake.wait(stopping.signal, wait)) failures = 0;
    }
    endSleep();
    endOnWake();
  };
  void run();

  return {
    username,
    ready,
    get: () => shown,
    subscribe: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    status: () => status,
    retry: wake.ring,
    close: () => stopping.abort(),
  };
}
