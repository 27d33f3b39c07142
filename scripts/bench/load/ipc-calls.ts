import type { ChildProcess } from 'node:child_process';
import { z } from 'zod';

/** Methods that one process offers another. Each takes one argument and resolves with one value, both JSON values. */
export type IpcMethods = Record<string, (argument: never) => Promise<unknown>>;

/**
 * Calls a method of the other process. Rejects with that method's error, when the process exits, or after `timeoutMs`
 * milliseconds (default: ten minutes).
 */
export type IpcCall<Methods extends IpcMethods> = <Name extends keyof Methods & string>(
  name: Name,
  argument: Parameters<Methods[Name]>[0],
  timeoutMs?: number,
) => Promise<Awaited<ReturnType<Methods[Name]>>>;

const DEFAULT_TIMEOUT_MS = 600_000;

const requestSchema = z.object({ id: z.number(), name: z.string(), argument: z.unknown().optional() });
const responseSchema = z.object({ id: z.number(), error: z.string().optional(), value: z.unknown().optional() });

/** Serves these methods to the parent process, and exits when the parent does. */
export function serveParent(methods: IpcMethods): void {
  process.on('message', (message) => {
    const { id, name, argument } = requestSchema.parse(message);
    const respond = (result: object): void => void process.send?.({ id, ...result });
    const method = methods[name];
    const invoke = async (): Promise<unknown> => {
      if (method === undefined) throw new Error(`Unknown method ${name}.`);
      return method(argument as never);
    };
    invoke().then(
      (value) => respond({ value }),
      (error: unknown) => respond({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
  // Ctrl-C sends SIGINT to every process of the terminal. Only the parent handles it.
  process.on('SIGINT', () => undefined);
  process.send?.('ready');
}

/**
 * Creates a caller for a child that serves `Methods`. Results are not validated, because both sides share the types.
 */
export function createIpcCall<Methods extends IpcMethods>(child: ChildProcess): IpcCall<Methods> {
  const pending = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let lastId = 0;
  child.on('message', (message) => {
    const response = responseSchema.safeParse(message);
    if (!response.success) return;
    const { id, error, value } = response.data;
    if (error === undefined) pending.get(id)?.resolve(value);
    else pending.get(id)?.reject(new Error(error));
  });
  child.once('exit', () => {
    for (const { reject } of pending.values()) reject(new Error('The called process has exited.'));
  });
  const sendRequest = (name: string, argument: unknown, timeoutMs: number): Promise<unknown> => {
    lastId += 1;
    const id = lastId;
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(
        () => finish(() => reject(new Error(`${name} did not finish within ${timeoutMs / 1_000} s.`))),
        timeoutMs,
      );
      const finish = (settle: () => void): void => {
        clearTimeout(timer);
        pending.delete(id);
        settle();
      };
      pending.set(id, {
        resolve: (value) => finish(() => resolve(value)),
        reject: (error) => finish(() => reject(error)),
      });
      child.send({ id, name, argument }, (error) => {
        if (error !== null) pending.get(id)?.reject(error);
      });
    });
  };
  return (name, argument, timeoutMs = DEFAULT_TIMEOUT_MS) => sendRequest(name, argument, timeoutMs) as never;
}
