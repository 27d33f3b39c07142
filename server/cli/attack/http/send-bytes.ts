import { connect as connectTcp, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ServerAddress } from './http-client.ts';
import type { ObservedResponse } from './observed-response.ts';
import { parseResponses } from './parse-responses.ts';

/** How long the connection is read after its last byte, in ms. A response to smuggled bytes follows the first one at once. */
const QUIET_MS = 400;
/** How long a connection without a response is read, in ms. */
const MAX_SILENCE_MS = 3_000;
/** More than any expected response has, in bytes. */
const MAX_RECEIVED_BYTES = 4 * 1024 * 1024;

/**
 * Sends bytes unchanged on a new connection, because an HTTP client would correct them. Resolves with the complete responses once
 * the server closes or is quiet. Never rejects: a connection that fails has no response.
 *
 * @param bytes One byte a character.
 */
export function sendBytes(address: ServerAddress, bytes: string): Promise<readonly ObservedResponse[]> {
  return new Promise((resolve) => {
    const socket = open(address);
    let received = '';
    const finish = (isClosed: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(parseResponses(received, isClosed));
    };
    const timer = setTimeout(() => finish(false), MAX_SILENCE_MS);
    socket.setEncoding('latin1');
    socket.on(address.isSecure ? 'secureConnect' : 'connect', () => socket.write(bytes, 'latin1'));
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (received.length > MAX_RECEIVED_BYTES) finish(false);
      else if (parseResponses(received, false).length > 0) {
        clearTimeout(quietTimer);
        quietTimer = setTimeout(() => finish(false), QUIET_MS);
      }
    });
    let quietTimer: NodeJS.Timeout | undefined;
    socket.on('close', () => {
      clearTimeout(quietTimer);
      finish(true);
    });
    // A server may refuse and close while the request is still being written. What was received by then counts.
    socket.on('error', () => undefined);
  });
}

function open({ hostname: host, port, isSecure }: ServerAddress): Socket {
  if (!isSecure) return connectTcp({ host, port });
  return connectTls({ host, port, ...(isIP(host) === 0 ? { servername: host } : {}) });
}
