/** One user's preferences to read and to follow, by the server's stream of events: without a database, and without PouchDB. */
import { preferencesStandardSchema } from '../couchdb-design/user-document/preferences-standard-schema.ts';
import { DEFAULT_PREFERENCES, type Preferences } from '../couchdb-design/user-document/preference-rules.ts';
import { createEmitter, waitForEvent } from './platform/emitter.ts';
import { defaultEnvironment, WAKE_EVENTS, type Environment } from './platform/environment.ts';
import { createAuthorizedFetch } from './sync/http/authorized-fetch.ts';
import { createTokenSource, type GetToken } from './sync/http/token-source.ts';
import { createStoreSchema, type Values } from './store/schema.ts';
import type { PreferencesStore, SchemaOptions, ShownOf, ShownPreferences } from './types.ts';
import { backoff } from './sync/backoff.ts';
import { createSseParser, type ServerSentEvent } from './sync/http/sse-parser.ts';
import { parseRetryAfter } from './sync/http/retry-after.ts';
import { advance, toSyncStatus, INITIAL_PROGRESS, type StatusEvent, type SyncStatus } from './sync/status.ts';

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
interface StreamEventData {
  readonly username?: unknown;
  readonly state?: unknown;
  readonly preferences?: unknown;
}

const DEFAULT_IDLE_TIMEOUT_MS = 50_000;
/** What was live for as long was no failure. */
const MIN_STABLE_MS = 5_000;
/** What a connection has told is kept as long as it lasts; in characters. */
const MAX_CONNECTION_CHARS = 1_000_000;

export function createPreferencesStream(options: StreamOptions): PreferencesStream;
export function createPreferencesStream<P extends object, const D extends Partial<P> = object>(
  options: StreamOptions & SchemaOptions<P, D>,
): PreferencesStream<ShownOf<P, D>>;
export function createPreferencesStream(
  options: StreamOptions & Partial<SchemaOptions<object, object>>,
): PreferencesStream<Values> {
  const { url, username, silence = DEFAULT_IDLE_TIMEOUT_MS } = options;
  const { pickKnown } = createStoreSchema(options.schema ?? preferencesStandardSchema);
  const defaults: Preferences = options.defaults ?? (options.schema === undefined ? DEFAULT_PREFERENCES : {});
  const environment: Environment = { ...defaultEnvironment(), ...options.environment };
  const { now, random, fetch } = environment;
  const stopController = new AbortController();
  const wakeEmitter = createEmitter();
  const changeEmitter = createEmitter();
  const isStopped = (): boolean => stopController.signal.aborted;
  let resolveReady = (): void => undefined;
  const ready = new Promise<void>((resolve) => {
    resolveReady = resolve;
  });

  let shown: Values = { ...defaults };
  let state = '';
  let progress = INITIAL_PROGRESS;
  let status: SyncStatus = toSyncStatus(progress);
  let lastActivityAt = 0;
  let liveSince = Infinity;

  const dispatch = (event: StatusEvent): void => {
    const before = progress;
    progress = advance(before, event);
    if (progress === before) return;
    status = toSyncStatus(progress);
    changeEmitter.emit();
  };
  const markCaughtUp = (): void => {
    liveSince = Math.min(liveSince, now());
    dispatch({ type: 'caught-up', lastSynced: now() });
  };

  /** False: it is another's. */
  const handleEvent = ({ name, id, data }: ServerSentEvent): boolean => {
    const eventData = Object(JSON.parse(data)) as StreamEventData;
    if (name === 'connected') {
      if (eventData.username !== username) return false;
      dispatch({ type: 'answered' });
      if (eventData.state === state) markCaughtUp();
    } else if (name === 'preference-update' && id !== undefined) {
      state = id;
      shown = { ...defaults, ...pickKnown(Object(eventData.preferences) as Values) };
      resolveReady();
      changeEmitter.emit();
      markCaughtUp();
    }
    return true;
  };

  /** One connection, to its end. Resolves with whether the person has to sign in, and how long the server wants to be left alone. */
  const runConnection = async (): Promise<{ readonly needsSignIn: boolean; readonly retryAfterMs: number }> => {
    const connectionController = new AbortController();
    const endConnection = (): void => connectionController.abort();
    // By the clock, which goes on while a computer sleeps and its timers do not; and at once when somebody wakes up.
    lastActivityAt = now();
    const checkIdleTimeout = (): void => {
      if (Math.abs(now() - lastActivityAt) > silence) endConnection();
    };
    const idleTimer = setInterval(checkIdleTimeout, silence / 4);
    const unsubscribeWake = wakeEmitter.subscribe(checkIdleTimeout);
    const unsubscribeOffline = environment.listen('offline', endConnection);
    stopController.signal.addEventListener('abort', endConnection);
    const ended = new Promise<undefined>((resolve) =>
      connectionController.signal.addEventListener('abort', () => resolve(undefined)),
    );
    let isOwn = true;
    const parseEvents = createSseParser();
    const headers = { Accept: 'text/event-stream', ...(state === '' ? {} : { 'Last-Event-ID': state }) };
    const request = createAuthorizedFetch(fetch, createTokenSource(options.getToken), connectionController.signal)(
      url,
      { headers },
      (text) => {
        lastActivityAt = now();
        isOwn &&= parseEvents(text).every(handleEvent);
        if (!isOwn || text.length > MAX_CONNECTION_CHARS) endConnection();
      },
    );
    let needsSignIn = false;
    let retryAfterMs = 0;
    try {
      const result = await Promise.race([request, ended]);
      needsSignIn = !result && !connectionController.signal.aborted;
      retryAfterMs = parseRetryAfter(result?.response.headers.get('Retry-After') ?? null, now());
    } catch {
      // Broken off, by whom does not matter: the next one begins where this one ended.
    }
    endConnection();
    clearInterval(idleTimer);
    unsubscribeWake();
    unsubscribeOffline();
    stopController.signal.removeEventListener('abort', endConnection);
    return { needsSignIn: needsSignIn || !isOwn, retryAfterMs };
  };

  const runLoop = async (): Promise<void> => {
    const unsubscribeWakeEvents = environment.listen(WAKE_EVENTS, wakeEmitter.emit);
    stopController.signal.addEventListener('abort', wakeEmitter.emit);
    let failures = 0;
    while (!isStopped()) {
      liveSince = Infinity;
      dispatch({ type: 'begun' });
      const { needsSignIn, retryAfterMs } = await runConnection();
      if (isStopped()) break;
      failures = lastActivityAt - liveSince > MIN_STABLE_MS ? 1 : failures + 1;
      dispatch({ type: needsSignIn ? 'sign-in-needed' : 'interrupted', lastActivityAt });
      const delayMs = needsSignIn ? undefined : backoff(failures, random, retryAfterMs);
      if (await waitForEvent(wakeEmitter, delayMs)) failures = 0;
    }
    unsubscribeWakeEvents();
  };
  void runLoop();

  return {
    username,
    ready,
    get: () => shown,
    subscribe: changeEmitter.subscribe,
    status: () => status,
    retry: wakeEmitter.emit,
    close: () => stopController.abort(),
  };
}
