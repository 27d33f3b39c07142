import type { ServerResponse } from 'node:http';
import type { UserDocumentId, Username } from '../../couchdb-design/user-document.ts';
import type { Caller } from '../caller.ts';
import type { Waiter } from '../upstream/hub.ts';
import { changesRow, FEED_FORMATS, hasNews, looksStale, type FeedFormat } from './changes-answer.ts';
import type { ChangesRequest } from './changes-request.ts';
import type { JsonObject } from './json.ts';
import type { SharedTimer, Timed } from './shared-timer.ts';
import { stateToken } from './state-token.ts';
import type { LeafState } from '../upstream/leaf-state.ts';

/** What a live answer needs of the world. */
export interface LiveSurroundings {
  readonly timer: SharedTimer;
  readonly now: () => number;
  /** Reads the document for `include_docs`; undefined when there is none. */
  readonly readDoc: () => Promise<JsonObject | undefined>;
  /** Reads the state until it can be believed, given what the client was told. */
  readonly readBelievable: (since: string, over: () => boolean) => Promise<LeafState>;
}

/** An empty answer in under this makes PouchDB ask again at once, for ever. In ms. */
const LEAST_HOLD = 1_000;
/** Whoever reads so slowly that this much waits to be sent is not waited for. In bytes. */
const MOST_UNSENT = 1024 * 1024;

/**
 * A longpoll, continuous or eventsource answer to `_changes`: parked in the hub, woken by it, and ended by the caller's
 * token, session or account, by its time-out, by its row, or by its client's leaving.
 */
export class LiveAnswer implements Waiter {
  readonly ownId: UserDocumentId;
  readonly username: Username;
  readonly sessionId: string | undefined;
  readonly #request: ChangesRequest;
  readonly #res: ServerResponse;
  readonly #around: LiveSurroundings;
  readonly #format: FeedFormat;
  readonly #begun: number;
  /** Rows left before a continuous answer has given as many as it was asked for. */
  #left: number;
  /** The state token that the client knows. */
  #told: string;
  /** The newest state that is not told yet. */
  #news: LeafState | undefined;
  #telling = false;
  #ending = false;
  #over = false;
  #heartbeat: Timed | undefined;
  #end: Timed | undefined;

  constructor(
    request: ChangesRequest,
    feed: keyof typeof FEED_FORMATS,
    caller: Caller,
    res: ServerResponse,
    around: LiveSurroundings,
  ) {
    this.ownId = caller.ownId;
    this.username = caller.username;
    this.sessionId = caller.sessionId;
    this.#request = request;
    this.#res = res;
    this.#around = around;
    this.#format = FEED_FORMATS[feed];
    this.#begun = around.now();
    this.#left = this.#format.once ? 1 : request.limit;
    this.#told = request.since;
    const { heartbeat, timeout } = request;
    const ends = heartbeat === undefined ? Math.min(this.#begun + timeout, caller.expiresAt) : caller.expiresAt;
    this.#end = around.timer.at(ends, () => this.end());
  }

  get over(): boolean {
    return this.#over;
  }

  /** The state as it was when the request came: the answer begins, and tells it if the client does not know it. */
  begin(state: LeafState): void {
    if (this.#over) return;
    this.#res.writeHead(200, { 'Content-Type': this.#format.contentType, 'Cache-Control': 'no-store' });
    this.#res.flushHeaders();
    if (this.#format.head !== '') this.#res.write(this.#format.head);
    if (this.#request.since === 'now') this.#told = stateToken(state);
    this.#beat();
    // A change that came while the state was read is the newer of the two.
    this.#news ??= state;
    void this.#tell();
  }

  wake(state: LeafState): void {
    if (this.#over) return;
    if (!looksStale(state, this.#told)) {
      this.#news = state;
      if (this.#res.headersSent) void this.#tell();
      return;
    }
    const read = this.#around.readBelievable(this.#told, () => this.#over);
    read.then(
      (believed) => {
        this.#news = believed;
        if (this.#res.headersSent) void this.#tell();
      },
      // Not read, not told: the next change, or the next request, reads it again.
      () => undefined,
    );
  }

  end(): void {
    if (this.#over || this.#ending) return;
    const held = this.#begun + LEAST_HOLD;
    this.#ending = true;
    this.#end?.cancel();
    if (this.#around.now() >= held) this.#finish();
    else this.#end = this.#around.timer.at(held, () => this.#finish());
  }

  /** The client has gone, or the answer is complete: lets go of everything. */
  close(): void {
    this.#over = true;
    this.#heartbeat?.cancel();
    this.#end?.cancel();
  }

  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    while (this.#news !== undefined && !this.#over && !this.#ending) {
      const state = this.#news;
      this.#news = undefined;
      if (!hasNews(state, this.#told)) continue;
      const doc = this.#request.includeDocs ? await this.#around.readDoc().catch(() => undefined) : undefined;
      this.#write(this.#format.row(changesRow(this.ownId, state, this.#request.style, doc)));
      this.#told = stateToken(state);
      this.#left -= 1;
      if (this.#left <= 0) this.#finish();
    }
    this.#telling = false;
  }

  #beat(): void {
    const { heartbeat } = this.#request;
    if (heartbeat === undefined) return;
    this.#heartbeat = this.#around.timer.at(this.#around.now() + heartbeat, () => {
      this.#write(this.#format.heartbeat);
      this.#beat();
    });
  }

  #write(text: string): void {
    if (this.#over) return;
    this.#res.write(text);
    if (this.#res.writableLength > MOST_UNSENT) this.#res.destroy();
  }

  #finish(): void {
    if (this.#over) return;
    if (!this.#res.headersSent)
      this.#res
        .writeHead(200, { 'Content-Type': this.#format.contentType, 'Cache-Control': 'no-store' })
        .write(this.#format.head);
    this.#res.end(this.#format.tail(this.#told));
    this.close();
  }
}
