import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** What lives only as long as its client. */
export interface DisconnectListener {
  /** The client has gone. */
  onDisconnect(): void;
}

const listenersBySocket = new WeakMap<Socket, Set<DisconnectListener>>();

/**
 * Tells `leaver` once when its connection has closed, at once if it has already. The answer itself would not do: one that
 * waits behind another on its connection (pipelining) is not told by Node. One listener serves all answers of a connection.
 */
export function onDisconnect({ req: { socket } }: ServerResponse, listener: DisconnectListener): void {
  if (socket.destroyed) {
    listener.onDisconnect();
    return;
  }
  const listeners = listenersBySocket.get(socket) ?? watchSocket(socket);
  listeners.add(listener);
}

/** The answer is over before its client has gone: nothing is told any more. */
export function offDisconnect({ req: { socket } }: ServerResponse, listener: DisconnectListener): void {
  listenersBySocket.get(socket)?.delete(listener);
}

function watchSocket(socket: Socket): Set<DisconnectListener> {
  const listeners = new Set<DisconnectListener>();
  listenersBySocket.set(socket, listeners);
  socket.once('close', notifyAll);
  return listeners;
}

function notifyAll(this: Socket): void {
  for (const listener of [...(listenersBySocket.get(this) ?? [])]) listener.onDisconnect();
  listenersBySocket.delete(this);
}
