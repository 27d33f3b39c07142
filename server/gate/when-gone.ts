import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const waiting = new WeakMap<Socket, Set<() => void>>();

/**
 * Calls `gone` once when the answer is over or its client has gone. An answer that waits behind another on its connection
 * (pipelining) is not told by Node that the connection has closed, so the connection is asked too: by one listener, since
 * one connection may carry many answers.
 */
export function whenGone(res: ServerResponse, gone: () => void): void {
  const { socket } = res.req;
  const here = waiting.get(socket) ?? listen(socket);
  const once = (): void => {
    if (here.delete(once)) gone();
  };
  here.add(once);
  res.once('close', once);
}

function listen(socket: Socket): Set<() => void> {
  const here = new Set<() => void>();
  waiting.set(socket, here);
  socket.once('close', () => {
    for (const once of [...here]) once();
  });
  return here;
}
