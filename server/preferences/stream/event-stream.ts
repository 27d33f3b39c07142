import type { ServerResponse } from 'node:http';
import type { UserDocumentId, Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { HttpError } from '../../http/errors.ts';
import type { SharedTimer, Timed } from '../../lib/timer-wheel.ts';
import { stateToken, tokenGeneration, type StateToken } from '../../registry/state-token.ts';
import { neverMind, whenGone, type Leaver } from '../../lib/on-disconnect.ts';
import type { Hub, Waiter } from '../../registry/hub.ts';
import type { LeafState } from '../../registry/leaf-state.ts';
import { connected, heartbeat, preferenceUpdate } from './events.ts';

/** A state, and what it is told as. */
export interface Told {
  readonly token: StateToken;
  readonly answer: object;
}

/** What all streams of a process share. */
export interface StreamRoom {
  readonly hub: Pick<Hub, 'park' | 'unpark'>;
  readonly timer: SharedTimer;
  readonly now: () => number;
  /** In ms, between two heartbeats. */
  readonly beat: number;
  /** Reads the preferences of whom the stream is for, in the state of that token or a later one as far as it can be had. */
  readonly read: (username: Username, token: StateToken) => Promise<Told>;
  /** An event was given to the socket, so many seconds after the process heard of the change. */
  readonly onDelivered: (seconds: number) => void;
  readonly onSlowReader: () => void;
}

/** In ms: until what could not be read is tried again. */
const READ_AGAIN = 1_000;

/**
 * One stream of preferences: parked in the hub as a live request of the gate is, and ended by the caller's token, session or
 * account, or by the client's leaving. It tells whole states, so a client that reads slowly is sent the newest alone; one that
 * has read nothing from one heartbeat to the next is dropped.
 */
export class PreferencesStream implements Waiter, Timed, Leaver {
  readonly feed = 'stream';
  slot: number | undefined;
  readonly #caller: Caller;
  readonly #res: ServerResponse;
  readonly #room: StreamRoom;
  /** The state that the client has. */
  #told: StateToken | undefined;
  /** The newest state that is known here, and when it was heard of (`performance.now()`). */
  #newest: { readonly token: StateToken; readonly heardAt: number | undefined } | undefined;
  #telling = false;
  #isSlow = false;
  #readAgainAt = Number.POSITIVE_INFINITY;
  /** Never, before the answer has begun: a heartbeat would begin it without its head. */
  #beatsAt = Number.POSITIVE_INFINITY;
  #over = false;

  /** Parks itself, so that a change from now on is not missed; `begin` it, or `close` it. `told`: what the client has. */
  constructor(caller: Caller, res: ServerResponse, told: StateToken | undefined, room: StreamRoom) {
    this.#caller = caller;
    this.#res = res;
    this.#told = told;
    this.#room = room;
    room.hub.park(this);
    whenGone(res, this);
    this.#wait();
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
  begin(state: StateToken, read?: Told): void {
    if (this.#over) return;
    this.#writeHead();
    this.#beatsAt = this.#room.now() + this.#room.beat;
    this.#wait();
    this.#write(connected(this.username, read?.token ?? state, Math.random));
    if (read !== undefined && read.token !== this.#told) this.#update(read);
    // A change may have come while it was read.
    void this.#tell();
  }

  wake(state: LeafState, heardAt: number): void {
    if (this.#over) return;
    this.#newest = { token: stateToken(state), heardAt };
    if (this.#res.headersSent) void this.#tell();
  }

  end(): void {
    if (this.#over) return;
    this.close();
    // An answer of another kind a browser's EventSource takes for the last word, and does not come back.
    if (!this.#res.headersSent) this.#writeHead();
    this.#res.end();
  }

  due(): void {
    const now = this.#room.now();
    if (now >= this.#caller.expiresAt) {
      this.end();
      return;
    }
    if (now >= this.#readAgainAt) {
      this.#readAgainAt = Number.POSITIVE_INFINITY;
      void this.#tell();
    }
    if (now >= this.#beatsAt) {
      this.#beatsAt = now + this.#room.beat;
      this.#beat(now);
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
    neverMind(this.#res, this);
  }

  async #tell(): Promise<void> {
    if (this.#telling) return;
    this.#telling = true;
    while (this.#newest !== undefined && !this.#over && !this.#res.writableNeedDrain) {
      const { token, heardAt } = this.#newest;
      this.#newest = undefined;
      if (token !== this.#told) await this.#tellOne(token, heardAt);
      if (Number.isFinite(this.#readAgainAt)) break;
    }
    this.#telling = false;
  }

  async #tellOne(token: StateToken, heardAt: number | undefined): Promise<void> {
    const read = await this.#room.read(this.username, token).catch((error: unknown) => {
      // What must not be told any more: the client comes back, and is told so by a status.
      if (error instanceof HttpError && error.status < 500) this.end();
      return undefined;
    });
    // The right may have ended, or the client gone, while it was read.
    if (this.#over) return;
    if (read !== undefined && read.token !== this.#told) {
      this.#update(read);
      if (heardAt !== undefined) this.#room.onDelivered((performance.now() - heardAt) / 1000);
    }
    // Not read, or by a copy of a cluster that lags behind what was heard of; unless there is newer news, again in a while.
    if (read !== undefined && tokenGeneration(read.token) >= tokenGeneration(token)) return;
    this.#newest ??= { token, heardAt };
    this.#readAgainAt = this.#room.now() + READ_AGAIN;
    this.#wait();
  }

  #update(read: Told): void {
    this.#told = read.token;
    this.#write(preferenceUpdate(read.answer, read.token));
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
      void this.#tell();
    });
  }

  #beat(now: number): void {
    if (!this.#res.writableNeedDrain) {
      this.#write(heartbeat(now));
      return;
    }
    if (this.#isSlow) {
      this.#room.onSlowReader();
      this.#res.destroy();
      this.close();
    }
    this.#isSlow = true;
  }

  #wait(): void {
    this.#room.timer.at(Math.min(this.#caller.expiresAt, this.#beatsAt, this.#readAgainAt), this);
  }
}
