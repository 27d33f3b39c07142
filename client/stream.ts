/** Reads one user's preferences from the server's event stream, without a local database and without PouchDB. */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import type { Values } from '../couchdb-design/user-document/preference-schema.ts';
import { preferencesStandardSchema } from '../couchdb-design/user-document/preferences-standard-schema.ts';
import { ANY_URL, assert, checkDuration, checkOptions } from './check-options.ts';
import { deepFreeze } from './platform/deep-freeze.ts';
import { createEmitter, waitForEvent } from './platform/emitter.ts';
import { defaultNetworkEnvironment, listenForWakeUps, type NetworkEnvironment } from './platform/environment.ts';
import { receiveEvents, type EventConnectionResult } from './sync/http/event-connection.ts';
import type { ServerSentEvent } from './sync/http/sse-parser.ts';
import type { GetToken } from './sync/http/token-source.ts';
import { resolveDefaults } from './store/schema.ts';
import type { PreferencesStore, SchemaOptions, ShownOf, ShownPreferences } from './types.ts';
import { createPace } from './platform/pace.ts';
import { countFailure } from './sync/backoff.ts';
import { BOUNDED_RESPONSE_MS, createBufferingDetector, type BufferingDetector } from './sync/buffering.ts';
import { createStatusStore } from './sync/status-store.ts';
import type { SyncStatus } from './sync/status.ts';
import { waitForRetry } from './sync/wait-for-retry.ts';

export type { GetToken } from './sync/http/token-source.ts';
export type { SyncState, SyncStatus } from './sync/status.ts';
export type { StatusReason } from './sync/status-reason.ts';

/** Options of {@link createPreferencesStream}. */
export interface StreamOptions {
  /** The URL of the stream, e.g. `https://example.org/api/users/preferences/stream`. */
  readonly url: string;
  /** The user whose preferences to read: the claim of the tokens that names the user. The tokens must be this user's. */
  readonly username: string;
  /** Returns an access token of this user, or `undefined` to require sign-in. It is called before every connection. */
  readonly getToken: GetToken;
  /** Replaces parts of the platform, for tests or other platforms than a browser. Default: the browser's. */
  readonly environment?: Partial<NetworkEnvironment>;
  /**
   * The idle timeout of the connection, in milliseconds: the connection is replaced if nothing arrives for this time. The
   * client requests heartbeats at half this interval. Default: 10,000.
   */
  readonly silence?: number;
}

/**
 * The preferences of one user, read-only. Nothing is stored: `get` returns the defaults before the first event, and the last
 * received values while offline.
 */
export interface PreferencesStream<Shown extends object = ShownPreferences> extends Pick<
  PreferencesStore,
  'username' | 'subscribe' | 'status' | 'retry'
> {
  /** The values of the preferences before any is received. Frozen. */
  readonly defaults: Shown;
  /** Returns all preferences with their defaults: the same frozen object until one changes. */
  readonly get: () => Shown;
  /** Resolves when the preferences have been received for the first time. Never rejects. */
  readonly ready: Promise<void>;
  /** Closes the connection permanently. The last received values can still be read. */
  readonly close: () => void;
}

/** The application's own schema and defaults. The server upgrades what it sends. */
export type StreamSchemaOptions<P extends object, D extends Partial<P>> = Omit<SchemaOptions<P, D>, 'upgrade'>;

/** The JSON data of the server's events. */
interface StreamEventData {
  readonly username?: unknown;
  readonly state?: unknown;
  readonly preferences?: unknown;
}

const DEFAULT_IDLE_TIMEOUT_MS = 10_000;
/** The timeout of the response that checks whether a buffering proxy causes a missing heartbeat. */
const PROBE_MS = 1_000;
/** The rate limit of connections, which also applies to wake-ups. */
const MAX_CONNECTIONS = { count: 8, windowMs: 4_000 };

/**
 * Reads the preferences of one user and receives every change, until `close`. It reconnects automatically.
 *
 * @param options - The server, the user, how to get tokens, and optionally the application's own schema and defaults.
 * @returns The stream. It is usable at once: it shows the defaults until `ready` resolves.
 * @throws TypeError if an option is missing or invalid, or if preferences cannot have the schema.
 * @example
 * ```ts
 * const stream = createPreferencesStream({
 *   url: 'https://example.org/api/users/preferences/stream',
 *   username: 'alice',
 *   getToken: async () => session.accessToken,
 * });
 * await stream.ready;
 * stream.subscribe(() => applyTheme(stream.get().theme));
 * ```
 */
export function createPreferencesStream(options: StreamOptions): PreferencesStream;
export function createPreferencesStream<P extends object, const D extends Partial<P> = object>(
  options: StreamOptions & StreamSchemaOptions<P, D>,
): PreferencesStream<ShownOf<P, D>>;
export function createPreferencesStream(
  options: StreamOptions & Partial<StreamSchemaOptions<object, object>>,
): PreferencesStream<Values> {
  const stream = new EventStream(options);
  void stream.run();
  return stream;
}

/** Whether a schema knows a preference and accepts its value. The server has validated it, maybe by another version of the schema. */
const accepts = (schema: StandardSchemaV1, key: string, value: unknown): boolean => {
  try {
    const { value: output } = schema['~standard'].validate({ [key]: value }) as { readonly value?: object };
    return output !== undefined && Object.hasOwn(output, key);
  } catch {
    return false;
  }
};

/** Its public members are bound functions, not methods: applications pass single members on. */
class EventStream implements PreferencesStream<Values> {
  readonly username: string;
  readonly defaults: Values;
  readonly ready: Promise<void>;

  readonly #options: StreamOptions;
  readonly #environment: NetworkEnvironment;
  readonly #schema: StandardSchemaV1;
  readonly #stopController = new AbortController();
  readonly #wakeEmitter = createEmitter();
  readonly #changeEmitter = createEmitter();
  readonly #status = createStatusStore(() => this.#changeEmitter.emit());
  #resolveReady: () => void = () => undefined;
  #shown: Values;
  /** The id of the last event with preferences. It identifies the state of the server's document. */
  #lastEventId = '';
  /** When the connection became live; Infinity if it never did. */
  #liveSince = Infinity;

  constructor(options: StreamOptions & Partial<StreamSchemaOptions<object, object>>) {
    checkOptions(options, ANY_URL);
    const { silence = DEFAULT_IDLE_TIMEOUT_MS } = options;
    checkDuration('silence', silence, 1_000);
    const { schema = preferencesStandardSchema } = options;
    assert('~standard' in schema, 'schema is not a Standard Schema.');
    const defaults = resolveDefaults(options);
    this.username = options.username;
    this.ready = new Promise((resolve) => {
      this.#resolveReady = resolve;
    });
    this.#options = options;
    this.#environment = { ...defaultNetworkEnvironment(), ...options.environment };
    this.#schema = schema;
    this.defaults = defaults;
    this.#shown = defaults;
  }

  readonly get = (): Values => this.#shown;

  readonly subscribe = (listener: () => void): (() => void) => this.#changeEmitter.subscribe(listener);

  readonly status = (): SyncStatus => this.#status.status();

  readonly retry = (): void => this.#wakeEmitter.emit();

  readonly close = (): void => this.#stopController.abort();

  /** Opens one connection after another until the stream is closed. */
  async run(): Promise<void> {
    const { now, random, isVisible } = this.#environment;
    const { signal } = this.#stopController;
    const stopWakeEvents = listenForWakeUps(this.#environment, this.#wakeEmitter.emit);
    signal.addEventListener('abort', this.#wakeEmitter.emit);
    const buffering = createBufferingDetector(now);
    const nextConnection = createPace(MAX_CONNECTIONS.count, MAX_CONNECTIONS.windowMs);
    const wakeEmitter = this.#wakeEmitter;
    let failures = 0;
    while (!this.#isClosed()) {
      await nextConnection(signal);
      if (this.#isClosed()) break;
      const { result, isAnswered } = await this.#receive(buffering);
      if (this.#isClosed()) break;
      // The server has ended a bounded response, or the connection stopped. Neither requires a delay.
      if (isAnswered) continue;
      const { needsSignIn, reason, retryAfterMs, lastActivityAt } = result;
      failures = countFailure(failures, lastActivityAt - this.#liveSince);
      const type = needsSignIn ? 'sign-in-needed' : 'interrupted';
      this.#status.dispatch({ type, reason, lastActivityAt });
      const wasWoken = needsSignIn
        ? await waitForEvent(wakeEmitter)
        : await waitForRetry({ random, isVisible, failures, retryAfterMs, wakeEmitter }, signal);
      if (wasWoken) failures = 0;
    }
    stopWakeEvents();
  }

  /**
   * Receives events over one connection. If it times out without a heartbeat, a short request follows: its response is
   * complete soon, so a proxy that buffers heartbeats passes it on.
   */
  async #receive(
    buffering: BufferingDetector,
  ): Promise<{ readonly result: EventConnectionResult; readonly isAnswered: boolean }> {
    this.#liveSince = Infinity;
    if (buffering.isBuffering()) {
      const result = await this.#connect(BOUNDED_RESPONSE_MS);
      if (result.hasHeartbeat) buffering.recordHeartbeat();
      return { result, isAnswered: result.isComplete };
    }
    this.#status.dispatch({ type: 'begun' });
    const result = await this.#connect();
    const { timedOutAfter } = result;
    if (timedOutAfter === undefined || this.#isClosed()) return { result, isAnswered: false };
    if (timedOutAfter === 'heartbeat') return { result, isAnswered: true };
    this.#status.dispatch({ type: 'interrupted', reason: result.reason, lastActivityAt: result.lastActivityAt });
    const probe = await this.#connect(PROBE_MS);
    if (probe.isComplete) buffering.recordTimeout('head');
    else buffering.recordOther();
    return { result: probe, isAnswered: probe.isComplete };
  }

  #isClosed(): boolean {
    return this.#stopController.signal.aborted;
  }

  #connect(boundedMs?: number): Promise<EventConnectionResult> {
    const { url, getToken, silence = DEFAULT_IDLE_TIMEOUT_MS } = this.#options;
    return receiveEvents(
      {
        url,
        boundedMs,
        getToken,
        environment: this.#environment,
        lastEventId: this.#lastEventId,
        idleTimeoutMs: silence,
        wakeEmitter: this.#wakeEmitter,
        onEvent: (event) => this.#onEvent(event),
      },
      this.#stopController.signal,
    );
  }

  /** Returns false when the stream is another user's. */
  #onEvent({ name, id, data }: ServerSentEvent): boolean {
    const eventData = Object(JSON.parse(data)) as StreamEventData;
    if (name === 'connected') {
      if (eventData.username !== this.username) return false;
      this.#status.dispatch({ type: 'answered' });
      // Nothing has changed since the last connection.
      if (eventData.state === this.#lastEventId) this.#markCaughtUp();
    } else if (name === 'preference-update' && id !== undefined) {
      this.#lastEventId = id;
      const received = Object.entries(Object(eventData.preferences) as Values);
      const known = received.filter(([key, value]) => accepts(this.#schema, key, value));
      this.#shown = deepFreeze({ ...this.defaults, ...Object.fromEntries(known) });
      this.#resolveReady();
      this.#changeEmitter.emit();
      this.#markCaughtUp();
    }
    return true;
  }

  #markCaughtUp(): void {
    const now = this.#environment.now();
    this.#liveSince = Math.min(this.#liveSince, now);
    this.#status.dispatch({ type: 'caught-up', lastSynced: now });
  }
}
