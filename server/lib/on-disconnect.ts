import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** Is notified when its client disconnects. It must not throw: other listeners are notified in the same loop. */
export interface DisconnectListener {
  onDisconnect(): void;
}

const listenersBySocket = new WeakMap<Socket, Set<DisconnectListener>>();

/**
 * Calls `listener` once when the response's connection closes, or immediately if it has closed already. The response's own
 * `close` event is not enough: Node does not emit it for a response that waits behind another one on its connection
 * (pipelining). All responses of a connection share one socket listener.
 */
export function onDisconnect({ req: { socket } }: ServerResponse, listener: DisconnectListener): void {
  if (socket.destroyed) {
    listener.onDisconnect();
    return;
  }
  const listeners = listenersBySocket.get(socket) ?? watchSocket(socket);
  listeners.add(listener);
}

/** Removes a listener, because its response ended before its client disconnected. */
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
