/**
 * A client of WebKit's remote inspector, which every WebKitGTK browser offers at the address in
 * `WEBKIT_INSPECTOR_HTTP_SERVER`. Its protocol is that of the Web Inspector: JSON messages over a WebSocket for each tab.
 */
import { once } from 'node:events';
import { WebSocket } from 'undici';
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';

type Json = Readonly<Record<string, unknown>>;

interface PendingCall {
  /** The page that was called. */
  readonly target: string;
  readonly resolve: (result: Json) => void;
  readonly reject: (error: Error) => void;
  readonly timer: NodeJS.Timeout;
}

/** Returns the paths of the WebSockets of all open tabs. A path stays the same while the tab is open. */
export async function listTabs(address: string): Promise<readonly string[]> {
  const response = await fetch(`http://${address}/`);
  return [...(await response.text()).matchAll(/\/socket\/\d+\/\d+\/WebPage/g)].map(([path]) => path);
}

/** A connection to one tab. */
export class Inspector {
  readonly #socket: WebSocket;
  readonly #onEvent: (method: string, params: Json) => void;
  readonly #pending = new Map<number, PendingCall>();
  /** The page in the tab. A navigation may replace it by one in another process. */
  #target = '';
  #callCount = 0;

  private constructor(socket: WebSocket, onEvent: (method: string, params: Json) => void) {
    this.#socket = socket;
    this.#onEvent = onEvent;
  }

  /**
   * Connects to a tab.
   *
   * @param url the URL of the tab's WebSocket
   * @param onEvent receives each event of the tab's page
   */
  static async connect(url: string, onEvent: (method: string, params: Json) => void): Promise<Inspector> {
    const socket = new WebSocket(url);
    const inspector = new Inspector(socket, onEvent);
    const hasTarget = new Promise<void>((resolve) => {
      socket.addEventListener('message', ({ data }) => {
        inspector.#receive(JSON.parse(String(data)) as Json);
        if (inspector.#target !== '') resolve();
      });
    });
    for (const end of ['close', 'error']) socket.addEventListener(end, () => inspector.#rejectCalls());
    await once(socket, 'open');
    await hasTarget;
    return inspector;
  }

  /** Calls a method of the page's protocol and resolves with its result. Rejects when the page hangs. */
  call(method: string, params: Json = {}): Promise<Json> {
    return new Promise((resolve, reject) => {
      const id = (this.#callCount += 1);
      const timer = setTimeout(
        () => this.#settle(id, undefined, { message: `${method}: the page hangs` }),
        MAX_WAIT_MS,
      );
      this.#pending.set(id, { target: this.#target, resolve, reject, timer });
      const message = JSON.stringify({ id, method, params });
      const envelope = { targetId: this.#target, message };
      this.#socket.send(JSON.stringify({ id: -id, method: 'Target.sendMessageToTarget', params: envelope }));
    });
  }

  close(): void {
    this.#socket.close();
  }

  #receive({ id, method, params, result, error }: Json): void {
    if (typeof id === 'number') this.#settle(id, result, error);
    else if (method === 'Target.dispatchMessageFromTarget') {
      this.#receive(JSON.parse((params as { message: string }).message) as Json);
    } else if (method === 'Target.targetCreated') {
      const { targetId, type, isProvisional } = (params as TargetCreated).targetInfo;
      if (type === 'page' && isProvisional !== true) this.#setTarget(targetId);
    } else if (method === 'Target.didCommitProvisionalTarget') {
      this.#setTarget((params as { newTargetId: string }).newTargetId);
    } else if (method === 'Target.targetDestroyed') this.#rejectCalls((params as { targetId: string }).targetId);
    else this.#onEvent(String(method), params as Json);
  }

  #setTarget(target: string): void {
    this.#target = target;
    for (const domain of ['Page', 'Console']) this.call(`${domain}.enable`).catch(() => undefined);
  }

  /** The envelope of a call has a separate response with a negative id. It is ignored unless it is an error. */
  #settle(id: number, result: unknown, error: unknown): void {
    const call = this.#pending.get(Math.abs(id));
    if (call === undefined || (id < 0 && error === undefined)) return;
    this.#pending.delete(Math.abs(id));
    clearTimeout(call.timer);
    if (error === undefined) call.resolve(result as Json);
    else call.reject(new Error((error as { message: string }).message));
  }

  /** Rejects the calls to a page that will not respond: of one target, or of all. */
  #rejectCalls(target?: string): void {
    for (const [id, call] of this.#pending) {
      if (target === undefined || call.target === target)
        this.#settle(id, undefined, { message: 'The page was closed.' });
    }
  }
}

interface TargetCreated {
  readonly targetInfo: { readonly targetId: string; readonly type: string; readonly isProvisional?: boolean };
}
