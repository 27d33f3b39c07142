import type { ServerResponse } from 'node:http';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { HttpError } from '../../http/errors.ts';
import type { LeafState } from '../../registry/leaf-state.ts';
import { LiveConnection, type LiveConnectionDeps } from '../../registry/live-connection.ts';
import { stateToken, generationOfToken, type StateToken } from '../../registry/state-token.ts';
import type { StreamRequest } from './parse-request.ts';
import { connectedEvent, heartbeatEvent, preferenceUpdateEvent } from './events.ts';

/** A state of the document, and the body of its `preference-update` event. */
export interface Snapshot {
  readonly token: StateToken;
  readonly body: object;
}

/** What all preference streams of a process share. */
export interface StreamDeps extends LiveConnectionDeps {
  /** The interval between two heartbeats, in ms, unless the client requests another one. */
  readonly heartbeatMs: number;
  /** Reads the user's preferences in the state `token` or a later one; an older one when a replica lags. */
  readonly readSnapshot: (username: Username, token: StateToken) => Promise<Snapshot>;
}

/** The delay before a failed read is retried, in ms. */
const RETRY_DELAY_MS = 1_000;
const CONTENT_TYPE = 'text/event-stream';

/**
 * One server-sent event stream of a user's preferences. It ends with the caller's token, session or account, or when the
 * client disconnects. Every event carries the whole preferences, so a slow client can skip states.
 */
export class PreferencesStream extends LiveConnection<StreamDeps> {
  readonly feed = 'stream';
  protected readonly heartbeatMs: number | undefined;
  readonly #endsAfterUpdate: boolean;
  /** In ms since 1970. */
  readonly #endsAt: number;
  /** The state that the client has. */
  #lastSentToken: StateToken | undefined;
  /** The latest state, if it is not sent yet, and when it was received (`performance.now()`). */
  #pending: { readonly token: StateToken; readonly receivedAt: number | undefined } | undefined;
  #isFlushing = false;
  /** In ms since 1970. */
  #retryAt = Number.POSITIVE_INFINITY;

  /**
   * Parks the stream, so that a change from now on is not missed. The caller then calls `start` or `close`.
   */
  constructor(caller: Caller, res: ServerResponse, request: StreamRequest, deps: StreamDeps) {
    super(caller, res, deps);
    const { lastEventId, heartbeatMs = deps.heartbeatMs, timeoutMs } = request;
    this.#lastSentToken = lastEventId;
    this.#endsAfterUpdate = timeoutMs !== undefined;
    this.heartbeatMs = timeoutMs === undefined ? heartbeatMs : undefined;
    this.#endsAt = Math.min(caller.expiresAt, timeoutMs === undefined ? Infinity : deps.now() + timeoutMs);
    this.park();
  }

  /** A stream ends immediately, without a hold: the browser delays its reconnect, and that request is rejected. */
  get ending(): boolean {
    return false;
  }

  protected get deadline(): number {
    return Math.min(this.#endsAt, this.#retryAt);
  }

  /**
   * Starts the response.
   *
   * @param state The state at the time of the request.
   * @param snapshot That state's preferences, when the client does not have them.
   */
  start(state: StateToken, snapshot?: Snapshot): void {
    if (this.isClosed) return;
    this.startResponse(CONTENT_TYPE);
    this.startHeartbeats();
    this.write(connectedEvent(this.username, snapshot?.token ?? state, Math.random));
    if (snapshot !== undefined && snapshot.token !== this.#lastSentToken) this.#sendUpdate(snapshot);
    // A change may have arrived while the state was read.
    this.flush();
  }

  protected onWake(state: LeafState, receivedAt: number): void {
    this.#pending = { token: stateToken(state), receivedAt };
    if (this.hasStarted) this.flush();
  }

  protected onEnd(): void {
    this.close();
    // A browser's EventSource does not reconnect after a response of another status or content type.
    this.startResponse(CONTENT_TYPE);
    this.res.end();
  }

  protected onDeadline(now: number): void {
    if (now >= this.#endsAt) {
      this.end();
    } else if (now >= this.#retryAt) {
      this.#retryAt = Number.POSITIVE_INFINITY;
      this.flush();
    }
  }

  protected formatHeartbeat(now: number): string {
    return heartbeatEvent(now);
  }

  protected async sendPending(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (this.#pending !== undefined && !this.isClosed && !this.res.writableNeedDrain) {
      const { token, receivedAt } = this.#pending;
      this.#pending = undefined;
      if (token !== this.#lastSentToken) await this.#sendSnapshot(token, receivedAt);
      if (Number.isFinite(this.#retryAt)) break;
    }
    this.#isFlushing = false;
  }

  async #sendSnapshot(token: StateToken, receivedAt: number | undefined): Promise<void> {
    const snapshot = await this.deps.readSnapshot(this.username, token).catch((error: unknown) => {
      // The document may no longer be served: the client reconnects and receives the error as a status.
      if (error instanceof HttpError && error.status < 500) this.end();
      return undefined;
    });
    // The caller's access may have ended, or the client disconnected, during the read.
    if (this.isClosed) return;
    if (snapshot !== undefined && snapshot.token !== this.#lastSentToken) {
      this.#sendUpdate(snapshot);
      this.reportDelivery(receivedAt);
    }
    // The read failed, or came from a replica that lags behind the feed. Retry later, unless a newer state is pending.
    if (snapshot !== undefined && generationOfToken(snapshot.token) >= generationOfToken(token)) return;
    this.#pending ??= { token, receivedAt };
    this.#retryAt = this.deps.now() + RETRY_DELAY_MS;
    this.schedule();
  }

  #sendUpdate(snapshot: Snapshot): void {
    this.#lastSentToken = snapshot.token;
    this.write(preferenceUpdateEvent(snapshot.body, snapshot.token));
    if (this.#endsAfterUpdate) this.end();
  }
}
