import type { ServerResponse } from 'node:http';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { HttpError } from '../../http/errors.ts';
import type { TimerWheel, TimerTask } from '../../lib/timer-wheel.ts';
import { stateToken, generationOfToken, type StateToken } from '../../registry/state-token.ts';
import { offDisconnect, onDisconnect, type DisconnectListener } from '../../lib/on-disconnect.ts';
import type { Hub, Waiter } from '../../registry/hub.ts';
import type { LeafState } from '../../registry/leaf-state.ts';
import { connectedEvent, heartbeatEvent, preferenceUpdateEvent } from './events.ts';

/** A state, and what it is told as. */
export interface Snapshot {
  readonly token: StateToken;
  readonly body: object;
}

/** What all streams of a process share. */
export interface StreamDeps {
  readonly hub: Pick<Hub, 'park' | 'unpark'>;
  readonly timer: TimerWheel;
  readonly now: () => number;
  /** In ms, between two heartbeats. */
  readonly heartbeatMs: number;
  /** Reads the preferences of whom the stream is for, in the state of that token or a later one as far as it can be had. */
  readonly readSnapshot: (username: Username, token: StateToken) => Promise<Snapshot>;
  /** An event was given to the socket, so many seconds after the process heard of the change. */
  readonly onDelivered: (seconds: number) => void;
  readonly onSlowReader: () => void;
}

/** In ms: until what could not be read is tried again. */
const RETRY_DELAY_MS = 1_000;

/**
 * One stream of preferences: parked in the hub as a live request of the gate is, and ended by the caller's token, session or
 * account, or by the client's leaving. It tells whole states, so a client that reads slowly is sent the newest alone; one that
 * has read nothing from one heartbeat to the next is dropped.
 */
export class PreferencesStream implements Waiter, TimerTask, DisconnectListener {
  readonly feed = 'stream';
  bucket: number | undefined;
  readonly #caller: Caller;
  readonly #res: ServerResponse;
  readonly #deps: StreamDeps;
  /** The state that the client has. */
  #lastSentToken: StateToken | undefined;
  /** The newest state that is known here, and when it was heard of (`performance.now()`). */
  #pending: { readonly token: StateToken; readonly receivedAt: number | undefined } | undefined;
  #sending = false;
  #isSlow = false;
  #retryAt = Number.POSITIVE_INFINITY;
  /** Never, before the answer has begun: a heartbeat would begin it without its head. */
  #nextHeartbeatAt = Number.POSITIVE_INFINITY;
  #closed = false;

  /** Parks itself, so that a change from now on is not missed; `begin` it, or `close` it. `told`: what the client has. */
  constructor(caller: Caller, res: ServerResponse, told: StateToken | undefined, room: StreamDeps) {
    this.#caller = caller;
    this.#res = res;
    this.#lastSentToken = told;
    this.#deps = room;
    room.hub.park(this);
    onDisconnect(res, this);
    this.#schedule();
  }

  get ownId(): UserDocumentId {
    return this.#caller.ownId;
  }

  get username(): Username {
    return this.#caller.username;
  }

  get sessionId(): string | undefined {
    return this.#caller.sessionId;
  }

  /** It ends at once: nothing but a client's own patience keeps it from coming back, and the next request is refused. */
  readonly ending = false;

  /** What held when the request came, `read` if the client does not have it. The answer begins. */
  start(state: StateToken, snapshot?: Snapshot): void {
    if (this.#closed) return;
    this.#writeHead();
    this.#nextHeartbeatAt = this.#deps.now() + this.#deps.heartbeatMs;
    this.#schedule();
    this.#write(connectedEvent(this.username, snapshot?.token ?? state, Math.random));
    if (snapshot !== undefined && snapshot.token !== this.#lastSentToken) this.#sendUpdate(snapshot);
    // A change may have come while it was read.
    void this.#flush();
  }

  wake(state: LeafState, receivedAt: number): void {
    if (this.#closed) return;
    this.#pending = { token: stateToken(state), receivedAt };
    if (this.#res.headersSent) void this.#flush();
  }

  end(): void {
    if (this.#closed) return;
    this.close();
    // An answer of another kind a browser's EventSource takes for the last word, and does not come back.
    if (!this.#res.headersSent) this.#writeHead();
    this.#res.end();
  }

  onExpire(): void {
    const now = this.#deps.now();
    if (now >= this.#caller.expiresAt) {
      this.end();
      return;
    }
    if (now >= this.#retryAt) {
      this.#retryAt = Number.POSITIVE_INFINITY;
      void this.#flush();
    }
    if (now >= this.#nextHeartbeatAt) {
      this.#nextHeartbeatAt = now + this.#deps.heartbeatMs;
      this.#sendHeartbeat(now);
    }
    if (!this.#closed) this.#schedule();
  }

  onDisconnect(): void {
    this.close();
  }

  /** Lets go of everything; to do so again changes nothing. */
  close(): void {
    this.#closed = true;
    this.#deps.timer.cancel(this);
    this.#deps.hub.unpark(this);
    offDisconnect(this.#res, this);
  }

  async #flush(): Promise<void> {
    if (this.#sending) return;
    this.#sending = true;
    while (this.#pending !== undefined && !this.#closed && !this.#res.writableNeedDrain) {
      const { token, receivedAt } = this.#pending;
      this.#pending = undefined;
      if (token !== this.#lastSentToken) await this.#sendSnapshot(token, receivedAt);
      if (Number.isFinite(this.#retryAt)) break;
    }
    this.#sending = false;
  }

  async #sendSnapshot(token: StateToken, receivedAt: number | undefined): Promise<void> {
    const snapshot = await this.#deps.readSnapshot(this.username, token).catch((error: unknown) => {
      // What must not be told any more: the client comes back, and is told so by a status.
      if (error instanceof HttpError && error.status < 500) this.end();
      return undefined;
    });
    // The right may have ended, or the client gone, while it was read.
    if (this.#closed) return;
    if (snapshot !== undefined && snapshot.token !== this.#lastSentToken) {
      this.#sendUpdate(snapshot);
      if (receivedAt !== undefined) this.#deps.onDelivered((performance.now() - receivedAt) / 1000);
    }
    // Not read, or by a copy of a cluster that lags behind what was heard of; unless there is newer news, again in a while.
    if (snapshot !== undefined && generationOfToken(snapshot.token) >= generationOfToken(token)) return;
    this.#pending ??= { token, receivedAt };
    this.#retryAt = this.#deps.now() + RETRY_DELAY_MS;
    this.#schedule();
  }

  #sendUpdate(snapshot: Snapshot): void {
    this.#lastSentToken = snapshot.token;
    this.#write(preferenceUpdateEvent(snapshot.body, snapshot.token));
  }

  #writeHead(): void {
    this.#res.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      // Fronts that gather an answer before they pass it on are asked not to.
      'X-Accel-Buffering': 'no',
    });
  }

  #write(text: string): void {
    if (this.#res.write(text)) return;
    this.#res.once('drain', () => {
      this.#isSlow = false;
      void this.#flush();
    });
  }

  #sendHeartbeat(now: number): void {
    if (!this.#res.writableNeedDrain) {
      this.#write(heartbeatEvent(now));
      return;
    }
    if (this.#isSlow) {
      this.#deps.onSlowReader();
      this.#res.destroy();
      this.close();
    }
    this.#isSlow = true;
  }

  #schedule(): void {
    this.#deps.timer.schedule(Math.min(this.#caller.expiresAt, this.#nextHeartbeatAt, this.#retryAt), this);
  }
}
