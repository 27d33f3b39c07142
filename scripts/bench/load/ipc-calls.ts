import type { ChildProcess } from 'node:child_process';
import { z } from 'zod';

/** What one process does for another: each takes one argument and resolves with one value, both as JSON has them. */
export type IpcMethods = Record<string, (argument: never) => Promise<unknown>>;

/** Asks for one thing; rejects with the other side's error, or when it has ended, or after `most` ms (ten minutes). */
export type IpcCall<W extends IpcMethods> = <Name extends keyof W & string>(
  name: Name,
  argument: Parameters<W[Name]>[0],
  most?: number,
) => Promise<Awaited<ReturnType<W[Name]>>>;

const DEFAULT_TIMEOUT_MS = 600_000;

const requestSchema = z.object({ id: z.number(), name: z.string(), argument: z.unknown().optional() });
const responseSchema = z.object({ id: z.number(), error: z.string().optional(), value: z.unknown().optional() });

/** Does the work that the parent process asks for, and ends with it. */
export function serveParent(methods: IpcMethods): void {
  process.on('message', (message) => {
    const { id, name, argument } = requestSchema.parse(message);
    const respond = (result: object): void => void process.send?.({ id, ...result });
    const method = methods[name];
    const invoke = async (): Promise<unknown> => {
      if (method === undefined) throw new Error(`There is no ${name}.`);
      return method(argument as never);
    };
    invoke().then(
      (value) => respond({ value }),
      (error: unknown) => respond({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
  // Ctrl-C reaches every process of the terminal: the parent decides what it means.
  process.on('SIGINT', () => undefined);
  process.send?.('ready');
}

/** The calls to a child that serves `W`. The types are ours on both sides, so what comes back is believed. */
export function createIpcCall<W extends IpcMethods>(child: ChildProcess): IpcCall<W> {
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
    for (const { reject } of pending.values()) reject(new Error('The process that was asked has ended.'));
  });
  const sendRequest = (name: string, argument: unknown, most: number): Promise<unknown> => {
    lastId += 1;
    const id = lastId;
    return new Promise<unknown>((resolve, reject) => {
      const timer = setTimeout(
        () => finish(() => reject(new Error(`No end of ${name} within ${most / 1_000} s.`))),
        most,
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
  return (name, argument, most = DEFAULT_TIMEOUT_MS) => sendRequest(name, argument, most) as never;
}
