import type { ServerResponse } from 'node:http';
import type { Caller } from '../../http/caller.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { ChangesFeed } from '../../registry/hub.ts';
import type { LeafState } from '../../registry/leaf-state.ts';
import { LiveConnection, type LiveConnectionDeps } from '../../registry/live-connection.ts';
import { isOlderThan, stateToken } from '../../registry/state-token.ts';
import type { ChangesRequest } from './parse-request.ts';
import { changesRow, FEED_FORMATS, hasChangedSince, type FeedFormat } from './response.ts';

/** What all live responses of a gate share. */
export interface LiveResponseDeps extends LiveConnectionDeps {
  /** Reads the document for `include_docs`; resolves with undefined when there is none. */
  readonly readDoc: (response: LiveResponse) => Promise<JsonObject | undefined>;
  /** Reads the state, and retries while it is older than the token `since`. */
  readonly readFreshState: (response: LiveResponse, since: string) => Promise<LeafState>;
}

/** An empty response in less than this makes PouchDB request again immediately, forever. In ms. */
const MIN_HOLD_MS = 1_000;

interface PendingState {
  readonly state: LeafState;
  /** When the gate received it (`performance.now()`); undefined for the state at the time of the request. */
  readonly receivedAt: number | undefined;
}

/**
 * A longpoll, continuous or eventsource response to `_changes`. It ends with the caller's token, session or account, at
 * its timeout, after its last row, or when the client disconnects.
 */
export class LiveResponse extends LiveConnection<LiveResponseDeps> {
  readonly request: ChangesRequest;
  readonly feed: ChangesFeed;
  readonly #startedAt: number;
  /** In ms since 1970. */
  #endsAt: number;
  /** Rows that may still be sent; a continuous response has as many as the request's `limit`. */
  #remaining: number;
  /** The client's last known state token. */
  #lastSentToken: string;
  /** The latest state, if it is not sent yet. */
  #pending: PendingState | undefined;
  #isFlushing = false;
  #isEnding = false;

  /** Parks the response, so that a change from now on is not missed. The caller then calls `start` or `close`. */
  constructor(request: ChangesRequest, feed: ChangesFeed, caller: Caller, res: ServerResponse, deps: LiveResponseDeps) {
    super(caller, res, deps);
    this.request = request;
    this.feed = feed;
    this.#startedAt = deps.now();
    this.#remaining = this.#format.endsAfterFirstRow ? 1 : request.limit;
    this.#lastSentToken = request.since;
    const { heartbeat, timeout, isBounded } = request;
    const hasTimeout = heartbeat === undefined || isBounded;
    this.#endsAt = hasTimeout ? Math.min(this.#startedAt + timeout, caller.expiresAt) : caller.expiresAt;
    this.park();
  }

  get ending(): boolean {
    return this.#isEnding;
  }

  protected get heartbeatMs(): number | undefined {
    return this.request.heartbeat;
  }

  protected get deadline(): number {
    return this.#endsAt;
  }

  /** Starts the response with the state at the time of the request, and sends that state if the client does not know it. */
  start(state: LeafState): void {
    if (this.isClosed) return;
    if (this.request.since === 'now') this.#lastSentToken = stateToken(state);
    // A change that arrived while the state was read is the newer of the two.
    this.#pending ??= { state, receivedAt: undefined };
    if (this.#hasPendingChange && this.#format.endsAfterFirstRow) {
      this.flush();
      return;
    }
    this.startResponse(this.#format.contentType);
    // With a change pending, the head is sent together with the row: each write is a system call.
    if (this.#format.head !== '') this.write(this.#format.head);
    else if (!this.#hasPendingChange) this.res.flushHeaders();
    this.startHeartbeats();
    this.flush();
  }

  protected onWake(state: LeafState, receivedAt: number): void {
    if (!isOlderThan(state, this.#lastSentToken)) {
      this.#enqueue({ state, receivedAt });
      return;
    }
    this.deps
      .readFreshState(this, this.#lastSentToken)
      .then(
        (freshState) => this.#enqueue({ state: freshState, receivedAt }),
        // Nothing is sent after a failed read: the next change, or the next request, reads again.
        () => undefined,
      )
      .catch((error: unknown) => this.fail(error));
  }

  protected onEnd(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    this.stopHeartbeats();
    // The clock may have been set back since the start.
    this.#endsAt = Math.min(this.#startedAt, this.deps.now()) + MIN_HOLD_MS;
    if (this.deps.now() >= this.#endsAt) this.#finish('');
    else this.schedule();
  }

  protected onDeadline(now: number): void {
    if (now < this.#endsAt) return;
    if (this.#isEnding) this.#finish('');
    else this.end();
  }

  protected formatHeartbeat(): string {
    return this.#format.heartbeat;
  }

  protected async sendPending(): Promise<void> {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    while (this.#pending !== undefined && !this.#isClosedOrEnding() && !this.res.writableNeedDrain) {
      const pending = this.#pending;
      this.#pending = undefined;
      if (hasChangedSince(pending.state, this.#lastSentToken)) await this.#sendRow(pending);
    }
    this.#isFlushing = false;
  }

  async #sendRow({ state, receivedAt }: PendingState): Promise<void> {
    const result = this.request.includeDocs ? await this.#readDoc() : { doc: undefined };
    // The caller's access may have ended, or the client disconnected, while the document was read.
    if (this.#isClosedOrEnding()) return;
    if (result === undefined) {
      // The client's state has not changed, so its next request returns the same row.
      this.end();
      return;
    }
    this.#lastSentToken = stateToken(state);
    this.#remaining -= 1;
    const row = this.#format.row(changesRow(this.ownId, state, this.request.style, result.doc));
    if (this.#remaining <= 0) this.#finish(row);
    else this.write(row);
    this.reportDelivery(receivedAt);
  }

  get #format(): FeedFormat {
    return FEED_FORMATS[this.feed];
  }

  get #hasPendingChange(): boolean {
    return this.#pending !== undefined && hasChangedSince(this.#pending.state, this.#lastSentToken);
  }

  #isClosedOrEnding(): boolean {
    return this.isClosed || this.#isEnding;
  }

  #enqueue(pending: PendingState): void {
    this.#pending = pending;
    if (this.hasStarted) this.flush();
  }

  /** Resolves with undefined when the document could not be read. */
  #readDoc(): Promise<{ readonly doc: JsonObject | undefined } | undefined> {
    return this.deps.readDoc(this).then(
      (doc) => ({ doc }),
      () => undefined,
    );
  }

  /** Sends the last row, if any, and ends the response, in one write: each is a system call. */
  #finish(row: string): void {
    if (this.isClosed) return;
    const head = this.hasStarted ? '' : this.#format.head;
    this.startResponse(this.#format.contentType);
    this.res.end(`${head}${row}${this.#format.tail(this.#lastSentToken)}`);
    this.close();
  }
}
