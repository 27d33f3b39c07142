// Imported, because a test environment may replace or stop the global timers.
import { clearTimeout, setTimeout } from 'node:timers';

interface PendingCall<Reply> {
  readonly resolve: (reply: Reply | undefined) => void;
  readonly timer: NodeJS.Timeout;
}

/** Calls over a channel between processes, whose replies may come late or never. */
export class PendingCalls<Reply> {
  readonly #timeoutMs: number;
  readonly #calls = new Map<number, PendingCall<Reply>>();
  #nextId = 1;

  /** @param timeoutMs - How long a call waits for its reply, in ms. */
  constructor(timeoutMs: number) {
    this.#timeoutMs = timeoutMs;
  }

  /** Passes a new id to `send`. Resolves with the reply to it, or with `undefined` if none arrives in time. Never rejects. */
  call(send: (callId: number) => void): Promise<Reply | undefined> {
    const callId = this.#nextId;
    this.#nextId += 1;
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.settle(callId, undefined), this.#timeoutMs);
      this.#calls.set(callId, { resolve, timer });
      send(callId);
    });
  }

  /** Resolves a call with its reply. A reply that is too late has no effect. */
  settle(callId: number, reply: Reply | undefined): void {
    const call = this.#calls.get(callId);
    if (call === undefined) return;
    this.#calls.delete(callId);
    clearTimeout(call.timer);
    call.resolve(reply);
  }
}
