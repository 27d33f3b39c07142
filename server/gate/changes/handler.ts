import type { ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { HttpError, sendJson } from '../../http/errors.ts';
import type { Caller } from '../../http/caller.ts';
import type { ChangesFeed } from '../../registry/hub.ts';
import type { LeafState } from '../../registry/leaf-state.ts';
import { readFreshState } from '../../registry/read-fresh-state.ts';
import { changesRow, hasChangedSince } from './response.ts';
import type { ChangesRequest } from './parse-request.ts';
import { requestUpstream, readCurrentState, type GateContext } from '../context.ts';
import { documentResponse, documentBodies } from '../reads/document.ts';
import { isObject, type JsonObject } from '../../lib/json.ts';
import { LiveResponse, type LiveResponseDeps } from './live-response.ts';
import { isOlderThan, stateToken } from '../../registry/state-token.ts';

/** Immediate responses to a user's live requests per second. More than this indicates a request loop. */
const MAX_IMMEDIATE_PER_SECOND = 20;
/** How long further live requests are held before their state is read again, in ms. */
const HOLD_MS = 1_000;

/** Handles `_changes` in every feed mode, from the leaves of the caller's own document only. */
export class ChangesHandler {
  readonly #context: GateContext;
  readonly #liveDeps: LiveResponseDeps;
  /** Immediate responses in the current second, by document. */
  #immediateCounts = new Map<string, number>();
  #currentSecond = 0;

  constructor(context: GateContext) {
    this.#context = context;
    const { hub, timer, now, onDelivered, onSlowReader, onError } = context;
    this.#liveDeps = {
      hub,
      timer,
      now,
      onDelivered,
      onSlowReader,
      onError,
      readDoc: ({ request, caller, res }) => this.#readDoc(request, caller, res),
      readFreshState: (response, since) => this.#readState(response, since),
    };
  }

  async handle(request: ChangesRequest, caller: Caller, res: ServerResponse): Promise<void> {
    if (request.feed === 'normal') await this.#respondNow(request, caller, res);
    else await this.#park(request, request.feed, caller, res);
  }

  async #respondNow(request: ChangesRequest, caller: Caller, res: ServerResponse): Promise<void> {
    const state = await readFreshState(() => readCurrentState(this.#context, caller), request.since);
    const hasChanged = request.since !== 'now' && hasChangedSince(state, request.since);
    if (hasChanged) this.#context.secrets.checkLeaves(state.leaves, caller);
    const doc = hasChanged && request.includeDocs ? await this.#readDoc(request, caller, res) : undefined;
    const results = hasChanged ? [changesRow(caller.ownId, state, request.style, doc)] : [];
    sendJson(res, 200, { results, last_seq: stateToken(state), pending: 0 });
  }

  async #park(request: ChangesRequest, feed: ChangesFeed, caller: Caller, res: ServerResponse): Promise<void> {
    // Registered before the state is read, so that a change in between is not missed.
    const response = new LiveResponse(request, feed, caller, res, this.#liveDeps);
    try {
      // It is also registered before access is checked again: a revocation before registration would be missed.
      await this.#context.checkAccess(caller);
      let state = this.#cachedState(request, caller) ?? (await this.#readState(response, request.since));
      if (hasChangedSince(state, request.since) && this.#isOverImmediateLimit(caller)) {
        await delay(HOLD_MS);
        state = await this.#readState(response, request.since);
      }
      await this.#checkServable(request, state, caller, res);
      response.start(state);
    } catch (error) {
      response.close();
      throw error;
    }
  }

  /**
   * Throws 403 for a document that must not be served, while a status can still be sent. A started response could only
   * end, and its client would retry forever. Other read errors are handled when the row is written.
   */
  async #checkServable(request: ChangesRequest, state: LeafState, caller: Caller, res: ServerResponse): Promise<void> {
    if (request.since === 'now' || !hasChangedSince(state, request.since)) return;
    this.#context.secrets.checkLeaves(state.leaves, caller);
    if (!request.includeDocs) return;
    try {
      await this.#readDoc(request, caller, res);
    } catch (error) {
      if (error instanceof HttpError && error.status === 403) throw error;
    }
  }

  /** Returns the feed's latest state, unless the client already has a newer one. The same feed delivers later changes. */
  #cachedState({ since }: ChangesRequest, { ownId }: Caller): LeafState | undefined {
    const cached = this.#context.hub.cachedState(ownId);
    return cached === undefined || cached.deleted || isOlderThan(cached, since) ? undefined : cached;
  }

  #readState(response: LiveResponse, since: string): Promise<LeafState> {
    return readFreshState(
      () => readCurrentState(this.#context, response.caller),
      since,
      () => response.isClosed,
    );
  }

  /** Breaks a request loop, caused by replicas with different states or by a client that loses its state. */
  #isOverImmediateLimit({ ownId }: Caller): boolean {
    const second = Math.floor(this.#context.now() / 1000);
    if (second !== this.#currentSecond) this.#immediateCounts = new Map();
    this.#currentSecond = second;
    const count = (this.#immediateCounts.get(ownId) ?? 0) + 1;
    this.#immediateCounts.set(ownId, count);
    return count > MAX_IMMEDIATE_PER_SECOND;
  }

  async #readDoc({ conflicts }: ChangesRequest, caller: Caller, res: ServerResponse): Promise<JsonObject | undefined> {
    const query = conflicts ? { conflicts: 'true' } : {};
    const request = { method: 'GET', path: [caller.ownId], query } as const;
    const response = await requestUpstream(this.#context, caller, res, request);
    const doc = response.status === 404 ? undefined : documentResponse(response, caller.ownId);
    if (!isObject(doc)) return undefined;
    this.#context.secrets.check(documentBodies(doc), caller);
    return doc;
  }
}
