import type { ServerResponse } from 'node:http';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import type { Hub, ChangesFeed, Waiter } from '../../registry/hub.ts';
import type { LeafState } from '../../registry/leaf-state.ts';
import { changesRow, FEED_FORMATS, hasNews, looksStale, type FeedFormat } from './response.ts';
import type { ChangesRequest } from './parse-request.ts';
import type { JsonObject } from '../../lib/json.ts';
import type { SharedTimer, Timed } from '../../lib/timer-wheel.ts';
import { stateToken } from '../../registry/state-token.ts';
import { neverMind, whenGone, type Leaver } from '../../lib/on-disconnect.ts';

/** What all live answers of a gate share. */
export interface LiveRoom {
  readonly hub: Pick<Hub, 'park' | 'unpark'>;
  readonly timer: SharedTimer;
  readonly now: () => number;
  /** Reads the document for `include_docs`; undefined when there is none. */
  readonly readDoc: (answer: LiveAnswer) => Promise<JsonObject | undefined>;
  /** Reads the state until it can be believed, given what the client was told. */
  readonly readBelievable: (answer: LiveAnswer, told: string) => Promise<LeafState>;
  /** A row was given to the socket, so many seconds after the gate heard of the change. */
  readonly onDelivered: (seconds: number) => void;
  /** A reader was dropped because it did not read. */
  readonly onSlowReader: () => void;
}

/** An empty answer in under this makes PouchDB ask again at once, for ever. In ms. */
const LEAST_HOLD = 1_000;

interface News {
  readonly state: LeafState;
  /** When the gate heard of it (`performance.now()`); undefined for what was there when the request came. */
  readonly heardAt: number | undefined;
}

/**
 * A longpoll, continuous or eventsource answer to `_changes`: parked in the hub, woken by it, and ended by the caller's
 * token, session or account, by its time-out, by its row, or by its client's leaving. While it waits it is this one object
 * beside its socket: no timer, closure or promise of its own.
 *
 * A client that reads slowly is sent nothing more until it has read, and then the newest state alone: what waits for it is one
 * row. One that has read nothing from one heartbeat to the next is dropped.
 */
export class LiveAnswer implements Waiter, Timed, Leaver {
  readonly request: ChangesRequest;
  readonly feed: ChangesFeed;
  readonly caller: Caller;
  readonly res: ServerResponse;
  slot: number | undefined;
  readonly #room: LiveRoom;
  readonly #begun: number;
  /** In ms since 1970: when it ends by itself, and when it says next that it lives. */
  #endsAt: number;
  #beatsAt = Number.POSITIVE_INFINITY;
  /** Rows left before a continuous answer has given as many as it was asked for. */
  #left: number;
  /** The state token that the client knows. */
  #told: string;
  /** The newest state that is not told yet. */
  #news: News | undefined;
  #telling = false;
  /** The client did not read what it was sent before the last heartbeat. */
  #isSlow = false;
  #ending = false;
  #over = false;

  /** Parks itself, so that a change from now on is not missed; `begin` it, or `close` it. */
  constructor(request: ChangesRequest, feed: ChangesFeed, caller: Caller, res: ServerResponse, room: LiveRoom) {
    this.request = request;
    this.feed = feed;
    this.caller = caller;
    this.res = res;
    this.#room = room;
    this.#begun = room.now();
    this.#left = this.#format.once ? 1 : request.limit;
    this.#told = request.since;
    const { heartbeat, timeout } = request;
    this.#endsAt = heartbeat === undefined ? Math.min(this.#begun + timeout, caller.expiresAt) : caller.expiresAt;
    this.#wait();
    room.hub.park(this);
    whenGone(res, this);
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
    return this.#ending;
  }

  get over(): boolean {
    return this.#over;
  }

  /** The state as it was when the request came: the answer begins, and tells it if the client does not know it. */
  begin(state: LeafState): void {
    if (this.#over) return;
    if (this.request.since === 'now') this.#told = stateToken(state);
    // A change that came while the state was read is the newer of the two.
    this.#news ??= { state, heardAt: undefined };
    if (this.#hasNews && this.#format.once) {
      void this.#tell();
      return;
    }
    this.#writeHead();
    // What follows at once goes with it: each write is a call to the system.
    if (this.#format.head !== '') this.#write(this.#format.head);
    else if (!this.#hasNews) this.res.flushHeaders();
    const { heartbeat } = this.request;
    if (heartbeat !== undefined) this.#beatsAt = this.#room.now() + heartbeat;
    this.#wait();
    void this.#tell();
  }

  wake(state: LeafState, heardAt: number): void {
    if (this.#over) return;
    if (!looksStale(state, this.#told)) {
      this.#learn({ state, heardAt });
      return;
    }
    this.#room.readBelievable(this, this.#told).then(
      (believed) => this.#learn({ state: believed, heardAt }),
      // Not read, not told: the next change, or the next request, reads it again.
      () => undefined,
    );
  }

  end(): void {
    if (this.#over || this.#ending) return;
    this.#ending = true;
    this.#beatsAt = Number.POSITIVE_INFINITY;
    this.#endsAt = this.#begun + LEAST_HOLD;
    if (this.#room.now() >= this.#endsAt) this.#finish('');
    else this.#wait();
  }

  due(): void {
    const now = this.#room.now();
    if (now >= this.#endsAt) {
      if (this.#ending) this.#finish('');
      else this.end();
      return;
    }
    const { heartbeat } = this.request;
    if (heartbeat !== undefined && now >= this.#beatsAt) {
      this.#beatsAt = now + heartbeat;
      this.#beat();
    }
    if (!this.#over) this.#wait();
  }

  gone(): void {
    this.close();
  }

  /** Lets go of everything; to do so again changes nothing. */
  close(): void {
    this.#over = true;
    this.#room.timer.cancel(this);
    this.#room.hub.unpark(this);
    neverMind(this.res, this);
  }

  get #format(): FeedFormat {
    return FEED_FORMATS[this.feed];
  }

  get #hasNews(): boolean {
    return this.#news !== undefined && hasNews(this.#news.state, this.#told);
  }

  #write(text: string): void {
    if (!this.res.write(text)) this.res.once('drain', () => this.#drained());
  }

  #drained(): void {
    this.#isSlow = false;
    void this.#tell();
  }

  #isOver(): boolean {
    return this.#over || this.#ending;
  }

  #learn(news: News): void {
    this.#news = news;
    if (this.res.headersSent) void this.#tell();
  }

  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    while (this.#news !== undefined && !this.#isOver() && !this.res.writableNeedDrain) {
      const { state, heardAt } = this.#news;
      this.#news = undefined;
      if (!hasNews(state, this.#told)) continue;
      const read = this.request.includeDocs ? await this.#readDoc() : { doc: undefined };
      // The right may have ended, or the client gone, while the document was read.
      if (this.#isOver()) break;
      if (read === undefined) {
        // Not told what it asked for, it knows no more than before, and asks again.
        this.end();
        break;
      }
      const { doc } = read;
      this.#told = stateToken(state);
      this.#left -= 1;
      const row = this.#format.row(changesRow(this.ownId, state, this.request.style, doc));
      if (this.#left <= 0) this.#finish(row);
      else this.#write(row);
      if (heardAt !== undefined) this.#room.onDelivered((performance.now() - heardAt) / 1000);
    }
    this.#telling = false;
  }

  /** Undefined when it could not be read. */
  #readDoc(): Promise<{ readonly doc: JsonObject | undefined } | undefined> {
    return this.#room.readDoc(this).then(
      (doc) => ({ doc }),
      () => undefined,
    );
  }

  #writeHead(): void {
    this.res.writeHead(200, { 'Content-Type': this.#format.contentType, 'Cache-Control': 'no-store' });
  }

  #beat(): void {
    if (!this.res.writableNeedDrain) {
      this.#write(this.#format.heartbeat);
      return;
    }
    if (this.#isSlow) {
      this.#room.onSlowReader();
      this.res.destroy();
      this.close();
    }
    this.#isSlow = true;
  }

  /** The last row, if any, and the end: in one piece, since each is a call to the system. */
  #finish(row: string): void {
    if (this.#over) return;
    const hasBegun = this.res.headersSent;
    if (!hasBegun) this.#writeHead();
    this.res.end(`${hasBegun ? '' : this.#format.head}${row}${this.#format.tail(this.#told)}`);
    this.close();
  }

  #wait(): void {
    this.#room.timer.at(Math.min(this.#endsAt, this.#beatsAt), this);
  }
}
