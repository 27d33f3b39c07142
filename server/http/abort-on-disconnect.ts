import type { ServerResponse } from 'node:http';
import { onDisconnect } from '../lib/on-disconnect.ts';

/** Returns a signal that aborts when the client of a response disconnects, for work that nobody then waits for. */
export function abortOnDisconnect(res: ServerResponse): AbortSignal {
  const controller = new AbortController();
  onDisconnect(res, { onDisconnect: () => controller.abort() });
  return controller.signal;
}
