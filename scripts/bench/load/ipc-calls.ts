import type { ChildProcess } from 'node:child_process';
import { z } from 'zod';

/** What one process does for another: each takes one argument and resolves with one value, both as JSON has them. */
export type Work = Record<string, (argument: never) => Promise<unknown>>;

/** Asks for one thing; rejects with the other side's error, or when it has ended, or after `most` ms (ten minutes). */
export type Call<W extends Work> = <Name extends keyof W & string>(
  name: Name,
  argument: Parameters<W[Name]>[0],
  most?: number,
) => Promise<Awaited<ReturnType<W[Name]>>>;

const LONGEST = 600_000;

const questionSchema = z.object({ id: z.number(), name: z.string(), argument: z.unknown().optional() });
const answerSchema = z.object({ id: z.number(), error: z.string().optional(), value: z.unknown().optional() });

/** Does the work that the parent process asks for, and ends with it. */
export function serveParent(work: Work): void {
  process.on('message', (message) => {
    const { id, name, argument } = questionSchema.parse(message);
    const answer = (told: object): void => void process.send?.({ id, ...told });
    const wanted = work[name];
    const done = async (): Promise<unknown> => {
      if (wanted === undefined) throw new Error(`There is no ${name}.`);
      return wanted(argument as never);
    };
    done().then(
      (value) => answer({ value }),
      (error: unknown) => answer({ error: error instanceof Error ? error.message : String(error) }),
    );
  });
  process.once('disconnect', () => process.exit(0));
  // Ctrl-C reaches every process of the terminal: the parent decides what it means.
  process.on('SIGINT', () => undefined);
  process.send?.('ready');
}

/** The calls to a child that serves `W`. The types are ours on both sides, so what comes back is believed. */
export function callsTo<W extends Work>(child: ChildProcess): Call<W> {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: Error) => void }>();
  let ids = 0;
  child.on('message', (message) => {
    const answer = answerSchema.safeParse(message);
    if (!answer.success) return;
    const { id, error, value } = answer.data;
    if (error === undefined) waiting.get(id)?.resolve(value);
    else waiting.get(id)?.reject(new Error(error));
  });
  child.once('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('The process that was asked has ended.'));
  });
  const ask = (name: string, argument: unknown, most: number): Promise<unknown> => {
    ids += 1;
    const id = ids;
    return new Promise<unknown>((resolve, reject) => {
      const late = setTimeout(() => over(() => reject(new Error(`No end of ${name} within ${most / 1_000} s.`))), most);
      const over = (settle: () => void): void => {
        clearTimeout(late);
        waiting.delete(id);
        settle();
      };
      waiting.set(id, {
        resolve: (value) => over(() => resolve(value)),
        reject: (error) => over(() => reject(error)),
      });
      child.send({ id, name, argument }, (error) => {
        if (error !== null) waiting.get(id)?.reject(error);
      });
    });
  };
  return (name, argument, most = LONGEST) => ask(name, argument, most) as never;
}
