import type { ServerResponse } from 'node:http';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import type { Hub, ChangesFeed, Waiter } from '../../registry/hub.ts';
import type { LeafState } from '../../registry/leaf-state.ts';
import { changesRow, FEED_FORMATS, hasChangedSince, type FeedFormat } from './response.ts';
import type { ChangesRequest } from './parse-request.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { TimerWheel, TimerTask } from '../../lib/timer-wheel.ts';
import { isOlderThan, stateToken } from '../../registry/state-token.ts';
import { offDisconnect, onDisconnect, type DisconnectListener } from '../../lib/on-disconnect.ts';

/** What all live answers of a gate share. */
export interface LiveResponseDeps {
  readonly hub: Pick<Hub, 'park' | 'unpark'>;
  readonly timer: TimerWheel;
  readonly now: () => number;
  /** Reads the document for `include_docs`; undefined when there is none. */
  readonly readDoc: (answer: LiveResponse) => Promise<JsonObject | undefined>;
  /** Reads the state until it can be believed, given what the client was told. */
  readonly readFreshState: (answer: LiveResponse, told: string) => Promise<LeafState>;
  /** A row was given to the socket, so many seconds after the gate heard of the change. */
  readonly onDelivered: (seconds: number) => void;
  /** A reader was dropped because it did not read. */
  readonly onSlowReader: () => void;
}

/** An empty answer in under this makes PouchDB ask again at once, for ever. In ms. */
const MIN_HOLD_MS = 1_000;

interface PendingState {
  readonly state: LeafState;
  /** When the gate heard of it (`performance.now()`); undefined for what was there when the request came. */
  readonly receivedAt: number | undefined;
}

/**
 * A longpoll, continuous or eventsource answer to `_changes`: parked in the hub, woken by it, and ended by the caller's
 * token, session or account, by its time-out, by its row, or by its client's leaving. While it waits it is this one object
 * beside its socket: no timer, closure or promise of its own.
 *
 * A client that reads slowly is sent nothing more until it has read, and then the newest state alone: what waits for it is one
 * row. One that has read nothing from one heartbeat to the next is dropped.
 */
export class LiveResponse implements Waiter, TimerTask, DisconnectListener {
  readonly request: ChangesRequest;
  readonly feed: ChangesFeed;
  readonly caller: Caller;
  readonly res: ServerResponse;
  bucket: number | undefined;
  readonly #deps: LiveResponseDeps;
  readonly #startedAt: number;
  /** In ms since 1970: when it ends by itself, and when it says next that it lives. */
  #endsAt: number;
  #nextHeartbeatAt = Number.POSITIVE_INFINITY;
  /** Rows left before a continuous answer has given as many as it was asked for. */
  #remaining: number;
  /** The state token that the client knows. */
  #lastSentToken: string;
  /** The newest state that is not told yet. */
  #pending: PendingState | undefined;
  #isFlushing = false;
  /** The client did not read what it was sent before the last heartbeat. */
  #isSlow = false;
  #isEnding = false;
  #isClosed = false;

  /** Parks itself, so that a change from now on is not missed; `begin` it, or `close` it. */
  constructor(request: ChangesRequest, feed: ChangesFeed, caller: Caller, res: ServerResponse, room: LiveResponseDeps) {
    this.request = request;
    this.feed = feed;
    this.caller = caller;
    this.res = res;
    this.#deps = room;
    this.#startedAt = room.now();
    this.#remaining = this.#format.endsAfterFirstRow ? 1 : request.limit;
    this.#lastSentToken = request.since;
    const { heartbeat, timeout } = request;
    this.#endsAt = heartbeat === undefined ? Math.min(this.#startedAt + timeout, caller.expiresAt) : caller.expiresAt;
    this.#scheduleNext();
    room.hub.park(this);
    onDisconnect(res, this);
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

  get ending(): boolean {
    return this.#isEnding;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** The state as it was when the request came: the answer begins, and tells it if the client does not know it. */
  start(state: LeafState): void {
    if (this.#isClosed) return;
    if (this.request.since === 'now') this.#lastSentToken = stateToken(state);
    // A change that came while the state was read is the newer of the two.
    this.#pending ??= { state, receivedAt: undefined };
    if (this.#hasPendingChange && this.#format.endsAfterFirstRow) {
      void this.#flush();
      return;
    }
    this.#writeHead();
    // What follows at once goes with it: each write is a call to the system.
    if (this.#format.head !== '') this.#write(this.#format.head);
    else if (!this.#hasPendingChange) this.res.flushHeaders();
    const { heartbeat } = this.request;
    if (heartbeat !== undefined) this.#nextHeartbeatAt = this.#deps.now() + heartbeat;
    this.#scheduleNext();
    void this.#flush();
  }

  wake(state: LeafState, receivedAt: number): void {
    if (this.#isClosed) return;
    if (!isOlderThan(state, this.#lastSentToken)) {
      this.#enqueue({ state, receivedAt });
      return;
    }
    this.#deps.readFreshState(this, this.#lastSentToken).then(
      (freshState) => this.#enqueue({ state: freshState, receivedAt }),
      // Not read, not told: the next change, or the next request, reads it again.
      () => undefined,
    );
  }

  end(): void {
    if (this.#isClosed || this.#isEnding) return;
    this.#isEnding = true;
    this.#nextHeartbeatAt = Number.POSITIVE_INFINITY;
    this.#endsAt = this.#startedAt + MIN_HOLD_MS;
    if (this.#deps.now() >= this.#endsAt) this.#finish('');
    else this.#scheduleNext();
  }

  onExpire(): void {
    const now = this.#deps.now();
    if (now >= this.#endsAt) {
      if (this.#isEnding) this.#finish('');
      else this.end();
      return;
    }
    const { heartbeat } = this.request;
    if (heartbeat !== undefined && now >= this.#nextHeartbeatAt) {
      this.#nextHeartbeatAt = now + heartbeat;
      this.#sendHeartbeat();
    }
    if (!this.#isClosed) this.#scheduleNext();
  }

  onDisconnect(): void {
    this.close();
  }

  /** Lets go of everything; to do so again changes nothing. */
  close(): void {
    this.#isClosed = true;
    this.#deps.timer.cancel(this);
    this.#deps.hub.unpark(this);
    offDisconnect(this.res, this);
  }

  get #format(): FeedFormat {
    return FEED_FORMATS[this.feed];
  }

  get #hasPendingChange(): boolean {
    return this.#pending !== undefined && hasChangedSince(this.#pending.state, this.#lastSentToken);
  }

  #write(text: string): void {
    if (!this.res.write(text)) this.res.once('drain', () => this.#onDrain());
  }

  #onDrain(): void {
    this.#isSlow = false;
    void this.#flush();
  }

  #isClosedOrEnding(): boolean {
    return this.#isClosed || this.#isEnding;
  }

  #enqueue(pending: PendingState): void {
    this.#pending = pending;
    if (this.res.headersSent) void this.#flush();
  }

  async #flush(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (this.#pending !== undefined && !this.#isClosedOrEnding() && !this.res.writableNeedDrain) {
      const { state, receivedAt } = this.#pending;
      this.#pending = undefined;
      if (!hasChangedSince(state, this.#lastSentToken)) continue;
      const result = this.request.includeDocs ? await this.#readDoc() : { doc: undefined };
      // The right may have ended, or the client gone, while the document was read.
      if (this.#isClosedOrEnding()) break;
      if (result === undefined) {
        // Not told what it asked for, it knows no more than before, and asks again.
        this.end();
        break;
      }
      const { doc } = result;
      this.#lastSentToken = stateToken(state);
      this.#remaining -= 1;
      const row = this.#format.row(changesRow(this.ownId, state, this.request.style, doc));
      if (this.#remaining <= 0) this.#finish(row);
      else this.#write(row);
      if (receivedAt !== undefined) this.#deps.onDelivered((performance.now() - receivedAt) / 1000);
    }
    this.#isFlushing = false;
  }

  /** Undefined when it could not be read. */
  #readDoc(): Promise<{ readonly doc: JsonObject | undefined } | undefined> {
    return this.#deps.readDoc(this).then(
      (doc) => ({ doc }),
      () => undefined,
    );
  }

  #writeHead(): void {
    this.res.writeHead(200, { 'Content-Type': this.#format.contentType, 'Cache-Control': 'no-store' });
  }

  #sendHeartbeat(): void {
    if (!this.res.writableNeedDrain) {
      this.#write(this.#format.heartbeat);
      return;
    }
    if (this.#isSlow) {
      this.#deps.onSlowReader();
      this.res.destroy();
      this.close();
    }
    this.#isSlow = true;
  }

  /** The last row, if any, and the end: in one piece, since each is a call to the system. */
  #finish(row: string): void {
    if (this.#isClosed) return;
    const isHeadSent = this.res.headersSent;
    if (!isHeadSent) this.#writeHead();
    this.res.end(`${isHeadSent ? '' : this.#format.head}${row}${this.#format.tail(this.#lastSentToken)}`);
    this.close();
  }

  #scheduleNext(): void {
    this.#deps.timer.schedule(Math.min(this.#endsAt, this.#nextHeartbeatAt), this);
  }
}
