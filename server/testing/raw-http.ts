import { MAX_WAIT_MS } from '../../couchdb-design/testing/patience.ts';
import { connect } from 'node:net';

/** One response as received. */
export interface RawResponse {
  readonly status: number;
  /** Status line and headers, unparsed. */
  readonly head: string;
  readonly body: string;
}

/** A request without a response or a close in this time hangs. */

export interface RawRequestOptions {
  /** How many responses to wait for; 1 by default. */
  readonly responseCount?: number;
  /** Ends the client's side after the bytes, possibly in the middle of a request. */
  readonly halfClose?: boolean;
  /** The responses are to HEAD requests: a Content-Length without a body. */
  readonly isHead?: boolean;
}

/**
 * Sends bytes unchanged (a string is one byte per character), because `fetch` would normalize them. Resolves with the
 * responses once `responseCount` of them are complete or the server closes. Rejects after 8 s.
 */
export function sendRaw(
  port: number,
  bytes: string | Buffer,
  options: RawRequestOptions = {},
): Promise<readonly RawResponse[]> {
  const { responseCount = 1, halfClose = false, isHead = false } = options;
  return new Promise((resolve, reject) => {
    const socket = connect(port, '127.0.0.1');
    const sent = typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes;
    let received = '';
    const timer = setTimeout(() => {
      socket.destroy();
      reject(new Error(`no response within ${MAX_WAIT_MS} ms to ${JSON.stringify(sent.toString('latin1', 0, 300))}`));
    }, MAX_WAIT_MS);
    const done = (): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(parseResponses(received, isHead));
    };
    socket.setEncoding('latin1');
    socket.on('connect', () => {
      socket.write(new Uint8Array(sent));
      if (halfClose) socket.end();
    });
    socket.on('data', (chunk: string) => {
      received += chunk;
      if (parseResponses(received, isHead).length >= responseCount) done();
    });
    socket.on('close', done);
    // A server may refuse and close while the request is still being written. What was received by then counts.
    socket.on('error', () => undefined);
  });
}

/** Parses the complete responses in the received text, which has one byte per character. */
function parseResponses(received: string, bodiless: boolean): readonly RawResponse[] {
  const responses: RawResponse[] = [];
  let rest = received;
  for (;;) {
    const end = rest.indexOf('\r\n\r\n');
    if (end < 0) return responses;
    const head = rest.slice(0, end);
    const after = rest.slice(end + 4);
    const body = bodiless ? '' : extractBody(head, after);
    if (body === undefined) return responses;
    const status = Number(/^HTTP\/1\.1 (\d{3})/.exec(head)?.[1]);
    // Interim responses (1xx) are skipped.
    if (status >= 200) responses.push({ status, head, body: Buffer.from(body, 'latin1').toString('utf8') });
    rest = after.slice(body.length);
  }
}

/** Returns the body, chunk headers included, if it is complete. */
function extractBody(head: string, after: string): string | undefined {
  if (/^transfer-encoding: *chunked$/im.test(head)) {
    const end = after.indexOf('0\r\n\r\n');
    return end < 0 ? undefined : after.slice(0, end + 5);
  }
  const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0);
  return after.length < length ? undefined : after.slice(0, length);
}

/** Builds a request; each line of `head` ends with CRLF. */
export const rawRequest = (head: readonly string[], body = ''): string => `${head.join('\r\n')}\r\n\r\n${body}`;
