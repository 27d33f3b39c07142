import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What lives only as long as its client. */
export interface Leaver {
  /** The client has gone. */
  gone(): void;
}

const waiting = new WeakMap<Socket, Set<Leaver>>();

/**
 * Tells `leaver` once when its connection has closed, at once if it has already. The answer itself would not do: one that
 * waits behind another on its connection (pipelining) is not told by Node. One listener serves all answers of a connection.
 */
export function whenGone({ req: { socket } }: ServerResponse, leaver: Leaver): void {
  if (socket.destroyed) {
    leaver.gone();
    return;
  }
  const here = waiting.get(socket) ?? listen(socket);
  here.add(leaver);
}

/** The answer is over before its client has gone: nothing is told any more. */
export function neverMind({ req: { socket } }: ServerResponse, leaver: Leaver): void {
  waiting.get(socket)?.delete(leaver);
}

function listen(socket: Socket): Set<Leaver> {
  const here = new Set<Leaver>();
  waiting.set(socket, here);
  socket.once('close', tellAll);
  return here;
}

function tellAll(this: Socket): void {
  for (const leaver of [...(waiting.get(this) ?? [])]) leaver.gone();
  waiting.delete(this);
}
