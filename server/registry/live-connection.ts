import type { ServerResponse } from 'node:http';
import type { UserDocumentId, Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../http/caller.ts';
import { requestContext } from '../http/request-context.ts';
import { offDisconnect, onDisconnect, type DisconnectListener } from '../lib/on-disconnect.ts';
import type { TimerTask, TimerWheel } from '../lib/timer-wheel.ts';
import type { Hub, LiveFeed, Waiter } from './hub.ts';
import type { LeafState } from './leaf-state.ts';
import { LIVE_HEADERS } from './live-headers.ts';

/** What all live connections of one kind share. */
export interface LiveConnectionDeps {
  readonly hub: Pick<Hub, 'park' | 'unpark'>;
  readonly timer: TimerWheel;
  readonly now: () => number;
  /** Called when a change is written to the socket, with the seconds since the process received it. */
  readonly onDelivered: (seconds: number) => void;
  /** Called when a connection is dropped because its client does not read. */
  readonly onSlowReader: () => void;
  /** Called once for a connection that is closed because of an exception. */
  readonly onError: (error: unknown, res: ServerResponse) => void;
}

/**
 * Without an `error` listener, a write after the end of the response would end the process. The connection itself detects that
 * another handler has ended its response.
 */
const ignoreError = (): void => undefined;

/** The delay of the first heartbeat, in ms. It is short, because it shows the client that no proxy buffers heartbeats. */
const FIRST_HEARTBEAT_MS = 1_000;

/**
 * The response to a live request: parked in the hub, woken by it, and kept alive by heartbeats. While it waits it is this
 * one object in addition to its socket, without its own timer, closure or promise: 10,000 are parked in one process.
 *
 * A slow client is sent only the latest state once its socket drains, so at most one state waits for it. It is
 * disconnected if it has read nothing from one heartbeat to the next.
 *
 * The public methods never throw, because their callers iterate over many connections. After an exception, such as from
 * a method of the response that a framework has replaced, only this connection is closed.
 */
export abstract class LiveConnection<Deps extends LiveConnectionDeps> implements Waiter, TimerTask, DisconnectListener {
  readonly caller: Caller;
  readonly res: ServerResponse;
  bucket: number | undefined;
  protected readonly deps: Deps;
  /** In ms since 1970. Never before the response has started, because a heartbeat would start it without its head. */
  #nextHeartbeatAt = Number.POSITIVE_INFINITY;
  /** The client had not read what it was sent by the last heartbeat. */
  #isSlow = false;
  /** Whether the head was written. A framework may override `res.headersSent`, as `@fastify/express` does. */
  #hasStarted = false;
  #isClosed = false;
  #hasFailed = false;

  abstract readonly feed: LiveFeed;
  abstract readonly ending: boolean;

  /** In ms; undefined for no heartbeats. */
  protected abstract readonly heartbeatMs: number | undefined;
  /** When `onDeadline` is due next, in ms since 1970. */
  protected abstract readonly deadline: number;
  protected abstract formatHeartbeat(now: number): string;
  /** Runs when `deadline` may have passed. */
  protected abstract onDeadline(now: number): void;
  /** Handles a change of the document, as `wake`. Not called once the connection is closed. */
  protected abstract onWake(state: LeafState, receivedAt: number): void;
  /** Ends the response, as `end`. Not called once the connection is closed. */
  protected abstract onEnd(): void;
  /** Sends the latest state, unless the client knows it or cannot take more. */
  protected abstract sendPending(): Promise<void>;

  protected constructor(caller: Caller, res: ServerResponse, deps: Deps) {
    this.caller = caller;
    this.res = res;
    this.deps = deps;
  }

  get ownId(): UserDocumentId {
    return this.caller.ownId;
  }

  get username(): Username {
    return this.caller.username;
  }

  get sessionId(): string | undefined {
    return this.caller.sessionId;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  wake(state: LeafState, receivedAt: number): void {
    if (this.#isClosed) return;
    try {
      this.onWake(state, receivedAt);
    } catch (error) {
      this.fail(error);
    }
  }

  end(): void {
    if (this.#isClosed) return;
    try {
      this.onEnd();
    } catch (error) {
      this.fail(error);
    }
  }

  onExpire(): void {
    try {
      this.#runDueTasks();
    } catch (error) {
      this.fail(error);
    }
  }

  onDisconnect(): void {
    this.close();
  }

  /** Releases the hub, the timer and the socket's listener. A second call has no effect. */
  close(): void {
    this.#isClosed = true;
    this.deps.timer.cancel(this);
    this.deps.hub.unpark(this);
    offDisconnect(this.res, this);
  }

  /** Registers with the hub, so that a change from now on is not missed. The subclass calls it once it is initialized. */
  protected park(): void {
    requestContext(this.res).isLive = true;
    this.res.on('error', ignoreError);
    this.schedule();
    this.deps.hub.park(this);
    onDisconnect(this.res, this);
  }

  protected get hasStarted(): boolean {
    return this.#hasStarted;
  }

  /** Writes the head, unless it was written. Node sends it with the first part of the body. */
  protected startResponse(contentType: string): void {
    if (this.#hasStarted) return;
    this.res.writeHead(200, { 'Content-Type': contentType, ...LIVE_HEADERS });
    this.#hasStarted = true;
  }

  protected startHeartbeats(): void {
    if (this.heartbeatMs !== undefined) {
      this.#nextHeartbeatAt = this.deps.now() + Math.min(this.heartbeatMs, FIRST_HEARTBEAT_MS);
    }
    this.schedule();
  }

  protected stopHeartbeats(): void {
    this.#nextHeartbeatAt = Number.POSITIVE_INFINITY;
  }

  /** Call after each change of `deadline`. */
  protected schedule(): void {
    this.deps.timer.schedule(Math.min(this.deadline, this.#nextHeartbeatAt), this);
  }

  /** Calls `sendPending`. */
  protected flush(): void {
    this.sendPending().catch((error: unknown) => this.fail(error));
  }

  protected write(text: string): void {
    if (this.res.writableEnded) throw new Error('Another handler of the application has ended a live response.');
    if (!this.res.write(text)) this.res.once('drain', () => this.#onDrain());
  }

  /** Reports the latency of a change. `receivedAt` is undefined for a state that was there when the request came. */
  protected reportDelivery(receivedAt: number | undefined): void {
    if (receivedAt !== undefined) this.deps.onDelivered((performance.now() - receivedAt) / 1000);
  }

  /** Closes this connection after an exception. Only the first one is reported. */
  protected fail(error: unknown): void {
    if (this.#hasFailed) return;
    this.#hasFailed = true;
    this.close();
    requestContext(this.res).error = { error: 'internal_server_error', status: 500 };
    this.deps.onError(error, this.res);
    // The response's own methods may have failed, so the socket is destroyed, unless another handler has ended the response.
    if (!this.res.writableEnded) this.res.req.socket.destroy();
  }

  #runDueTasks(): void {
    const now = this.deps.now();
    this.onDeadline(now);
    if (this.#isClosed) return;
    if (this.heartbeatMs !== undefined && this.#isHeartbeatDue(now, this.heartbeatMs)) {
      this.#nextHeartbeatAt = now + this.heartbeatMs;
      this.#sendHeartbeat(now);
    }
    // A heartbeat closes a slow client.
    if (!this.isClosed) this.schedule();
  }

  /** A heartbeat is never more than an interval ahead, unless the clock was set back. `stopHeartbeats` makes it infinite. */
  #isHeartbeatDue(now: number, intervalMs: number): boolean {
    const waitMs = this.#nextHeartbeatAt - now;
    return waitMs <= 0 || (waitMs > intervalMs && Number.isFinite(waitMs));
  }

  #onDrain(): void {
    this.#isSlow = false;
    this.flush();
  }

  #sendHeartbeat(now: number): void {
    if (!this.res.writableNeedDrain) {
      this.write(this.formatHeartbeat(now));
      return;
    }
    if (this.#isSlow) {
      this.deps.onSlowReader();
      this.res.destroy();
      this.close();
    }
    this.#isSlow = true;
  }
}
