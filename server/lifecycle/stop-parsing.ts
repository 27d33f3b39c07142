import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

/** The part of Node's HTTP parser that is used. Node has it on the socket of each server connection, without documentation. */
interface RequestParser {
  /** Called with each parsed head. Node ends the parser's work on this connection if it returns 2, as it does for an upgrade. */
  onIncoming: ((req: { upgrade: boolean }) => number) | null;
}

const UPGRADE = 2;

/**
 * Destroys a connection from within a listener for requests, and stops the parser. Node parses the 64 KiB that it has read at once,
 * which may be 2,500 requests, and emits each of them even after the connection is destroyed.
 *
 * @param socket - The connection.
 * @param unfinished - Its responses in progress. Their requests are aborted, as Node does when a client disconnects.
 */
export function destroyAndStopParsing(socket: Socket, unfinished: Iterable<ServerResponse>): void {
  const requests = [...unfinished].map(({ req }) => req);
  const parser: unknown = Reflect.get(socket, 'parser');
  if (isRequestParser(parser)) {
    parser.onIncoming = (req) => {
      req.upgrade = true;
      return UPGRADE;
    };
  }
  socket.destroy();
  for (const req of requests) req.destroy();
}

const isRequestParser = (value: unknown): value is RequestParser =>
  typeof value === 'object' && value !== null && 'onIncoming' in value && typeof value.onIncoming === 'function';
