import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { HttpError, sendJson } from '../../http/errors.ts';
import type { Caller } from '../../http/caller.ts';
import type { ChangesFeed } from '../../registry/hub.ts';
import type { LeafState } from '../../registry/leaf-state.ts';
import { readBelievable } from './read-fresh-state.ts';
import { changesRow, hasNews, looksStale } from './response.ts';
import type { ChangesRequest } from './parse-request.ts';
import { ask, currentState, type GateContext } from '../context.ts';
import { documentAnswer, documentsTold } from '../reads/document.ts';
import { isObject, type JsonObject } from '../../lib/json.ts';
import { LiveAnswer, type LiveRoom } from './live-response.ts';
import { stateToken } from '../../registry/state-token.ts';

/** How often in a second a user's live requests are answered at once; more, and something answers in circles. */
const MOST_AT_ONCE = 20;
/** How long such a request is then held before its state is read again, in ms. */
const HOLD = 1_000;

/** Answers `_changes` in every feed mode, out of the leaves of the caller's own document alone. */
export class ChangesHandler {
  readonly #context: GateContext;
  readonly #room: LiveRoom;
  /** Live answers at once in the present second, by document. */
  #answered = new Map<string, number>();
  #second = 0;

  constructor(context: GateContext) {
    this.#context = context;
    const { hub, timer, now, onDelivered, onSlowReader } = context;
    this.#room = {
      hub,
      timer,
      now,
      onDelivered,
      onSlowReader,
      readDoc: ({ request, caller, res }) => this.#readDoc(request, caller, res),
      readBelievable: (answer, told) => this.#readState(answer, told),
    };
  }

  async handle(request: ChangesRequest, caller: Caller, res: ServerResponse): Promise<void> {
    if (request.feed === 'normal') await this.#answerNow(request, caller, res);
    else await this.#park(request, request.feed, caller, res);
  }

  async #answerNow(request: ChangesRequest, caller: Caller, res: ServerResponse): Promise<void> {
    const state = await readBelievable(() => currentState(this.#context, caller), request.since);
    const told = request.since !== 'now' && hasNews(state, request.since);
    if (told) this.#context.secrets.checkLeaves(state.leaves, caller);
    const doc = told && request.includeDocs ? await this.#readDoc(request, caller, res) : undefined;
    const results = told ? [changesRow(caller.ownId, state, request.style, doc)] : [];
    sendJson(res, 200, { results, last_seq: stateToken(state), pending: 0 });
  }

  async #park(request: ChangesRequest, feed: ChangesFeed, caller: Caller, res: ServerResponse): Promise<void> {
    // Registered before the state is read, so that a change in between is not missed.
    const answer = new LiveAnswer(request, feed, caller, res, this.#room);
    try {
      // And before the right is looked at once more: an end between its first check and now was told to nobody.
      await this.#context.checkRight(caller);
      let state = this.#heardState(request, caller) ?? (await this.#readState(answer, request.since));
      if (hasNews(state, request.since) && this.#tooOften(caller)) {
        await delay(HOLD);
        state = await this.#readState(answer, request.since);
      }
      await this.#checkServable(request, state, caller, res);
      answer.begin(state);
    } catch (error) {
      answer.close();
      throw error;
    }
  }

  /**
   * A document that may not be served is refused while a status can still be sent: a live answer that has begun can only
   * end, and its client would ask again for ever. Whatever else is wrong with the read shows when the row is written.
   */
  async #checkServable(request: ChangesRequest, state: LeafState, caller: Caller, res: ServerResponse): Promise<void> {
    if (request.since === 'now' || !hasNews(state, request.since)) return;
    this.#context.secrets.checkLeaves(state.leaves, caller);
    if (!request.includeDocs) return;
    try {
      await this.#readDoc(request, caller, res);
    } catch (error) {
      if (error instanceof HttpError && error.status === 403) throw error;
    }
  }

  /** What the feed said last does for a client that the same feed goes on to tell; but not if it looks older than what it knows. */
  #heardState({ since }: ChangesRequest, { ownId }: Caller): LeafState | undefined {
    const heard = this.#context.hub.heard(ownId);
    return heard === undefined || heard.deleted || looksStale(heard, since) ? undefined : heard;
  }

  #readState(answer: LiveAnswer, told: string): Promise<LeafState> {
    return readBelievable(
      () => currentState(this.#context, answer.caller),
      told,
      () => answer.over,
    );
  }

  /** Two copies that tell different states, or a client that forgets what it was told, must not make a loop. */
  #tooOften({ ownId }: Caller): boolean {
    const second = Math.floor(this.#context.now() / 1000);
    if (second !== this.#second) this.#answered = new Map();
    this.#second = second;
    const count = (this.#answered.get(ownId) ?? 0) + 1;
    this.#answered.set(ownId, count);
    return count > MOST_AT_ONCE;
  }

  async #readDoc({ conflicts }: ChangesRequest, caller: Caller, res: ServerResponse): Promise<JsonObject | undefined> {
    const query = conflicts ? { conflicts: 'true' } : {};
    const answer = await ask(this.#context, caller, res, { method: 'GET', path: [caller.ownId], query });
    const doc = answer.status === 404 ? undefined : documentAnswer(answer.status, answer.body, caller.ownId);
    if (!isObject(doc)) return undefined;
    this.#context.secrets.check(documentsTold(doc), caller);
    return doc;
  }
}
