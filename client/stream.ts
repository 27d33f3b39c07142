/** One user's preferences to read and to follow, by the server's stream of events: without a database, and without PouchDB. */
import { preferencesStandard } from '../couchdb-design/user-document/preferences-standard-schema.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../couchdb-design/user-document/preference-rules.ts';
import { createBell, rings } from './platform/emitter.ts';
import { defaultEnvironment, WAKES, type Environment } from './platform/environment.ts';
import { createSyncFetch } from './sync/http/authorized-fetch.ts';
import { createTokens, type GetToken } from './sync/http/token-source.ts';
import { shapeOf, type Values } from './store/schema.ts';
import type { PreferencesStore, SchemaOptions, ShownOf, ShownPreferences } from './types.ts';
import { backoff } from './sync/backoff.ts';
import { readEvents, type ServerEvent } from './sync/http/sse-parser.ts';
import { retryAfter } from './sync/http/retry-after.ts';
import { advance, shownStatus, STARTING, type StatusEvent, type SyncStatus } from './sync/status.ts';

export type { GetToken } from './sync/http/token-source.ts';
export type { SyncState, SyncStatus } from './sync/status.ts';

export interface StreamOptions {
  /** Of the stream, e.g. `https://example.org/api/users/preferences/stream`. */
  readonly url: string;
  readonly username: string;
  /** See GetToken: it must give tokens of this user and of nobody else. */
  readonly getToken: GetToken;
  readonly environment?: Partial<Pick<Environment, 'now' | 'random' | 'fetch' | 'listen'>>;
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

/** What the server's events say. */
interface Told {
  readonly username?: unknown;
  readonly state?: unknown;
  readonly preferences?: unknown;
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
  const environment: Environment = { ...defaultEnvironment(), ...options.environment };
  const { now, random, fetch } = environment;
  const stopping = new AbortController();
  const wake = createBell();
  const changed = createBell();
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

  const dispatch = (event: StatusEvent): void => {
    const before = progress;
    progress = advance(before, event);
    if (progress === before) return;
    status = shownStatus(progress);
    changed.ring();
  };
  const caughtUp = (): void => {
    liveSince = Math.min(liveSince, now());
    dispatch({ type: 'caught-up', lastSynced: now() });
  };

  /** False: it is another's. */
  const take = ({ name, id, data }: ServerEvent): boolean => {
    const told = Object(JSON.parse(data)) as Told;
    if (name === 'connected') {
      if (told.username !== username) return false;
      dispatch({ type: 'answered' });
      if (told.state === state) caughtUp();
    } else if (name === 'preference-update' && id !== undefined) {
      state = id;
      shown = { ...defaults, ...known(Object(told.preferences) as Values) };
      onRead();
      changed.ring();
      caughtUp();
    }
    return true;
  };

  /** One connection, to its end. Resolves with whether the person has to sign in, and how long the server wants to be left alone. */
  const follow = async (): Promise<{ readonly needsSignIn: boolean; readonly asked: number }> => {
    const over = new AbortController();
    const end = (): void => over.abort();
    // By the clock, which goes on while a computer sleeps and its timers do not; and at once when somebody wakes up.
    heard = now();
    const listen = (): void => {
      if (Math.abs(now() - heard) > silence) end();
    };
    const listening = setInterval(listen, silence / 4);
    const endWake = wake.listen(listen);
    const endOffline = environment.listen('offline', end);
    stopping.signal.addEventListener('abort', end);
    const ended = new Promise<undefined>((resolve) => over.signal.addEventListener('abort', () => resolve(undefined)));
    let isOwn = true;
    const read = readEvents();
    const headers = { Accept: 'text/event-stream', ...(state === '' ? {} : { 'Last-Event-ID': state }) };
    const ask = createSyncFetch(fetch, createTokens(options.getToken), over.signal)(url, { headers }, (text) => {
      heard = now();
      isOwn &&= read(text).every(take);
      if (!isOwn || text.length > MOST_TOLD) end();
    });
    let needsSignIn = false;
    let asked = 0;
    try {
      const answer = await Promise.race([ask, ended]);
      needsSignIn = !answer && !over.signal.aborted;
      asked = retryAfter(answer?.response.headers.get('Retry-After') ?? null, now());
    } catch {
      // Broken off, by whom does not matter: the next one begins where this one ended.
    }
    end();
    clearInterval(listening);
    endWake();
    endOffline();
    stopping.signal.removeEventListener('abort', end);
    return { needsSignIn: needsSignIn || !isOwn, asked };
  };

  const run = async (): Promise<void> => {
    const endOnWake = environment.listen(WAKES, wake.ring);
    stopping.signal.addEventListener('abort', wake.ring);
    let failures = 0;
    while (!isStopped()) {
      liveSince = Infinity;
      dispatch({ type: 'begun' });
      const { needsSignIn, asked } = await follow();
      if (isStopped()) break;
      failures = heard - liveSince > STEADY_MS ? 1 : failures + 1;
      dispatch({ type: needsSignIn ? 'sign-in-needed' : 'interrupted', heard });
      const wait = needsSignIn ? undefined : backoff(failures, random, asked);
      if (await rings(wake, wait)) failures = 0;
    }
    endOnWake();
  };
  void run();

  return {
    username,
    ready,
    get: () => shown,
    subscribe: changed.listen,
    status: () => status,
    retry: wake.ring,
    close: () => stopping.abort(),
  };
}
