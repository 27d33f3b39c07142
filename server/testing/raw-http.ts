import { connect } from 'node:net';

/** One answer as it came over the wire. */
export interface RawResponse {
  readonly status: number;
  /** Status line and headers, as they came. */
  readonly head: string;
  readonly body: string;
}

/** In ms: an attack that gets neither an answer nor a close in this time hangs. */
const TIMEOUT_MS = 8_000;

export interface RawRequestOptions {
  /** How many answers to wait for. */
  readonly responseCount?: number;
  /** Our side ends after the bytes: the client hangs up, perhaps in the middle. */
  readonly halfClose?: boolean;
  /** The answers are to HEAD: lengths without bodies. */
  readonly isHead?: boolean;
}

/**
 * Writes bytes (a text is one byte a character) to a socket as they are, since `fetch` would mend them, and collects what
 * comes back until `enough` answers are there or the server closes. Rejects when neither happens within some seconds.
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
      reject(new Error(`no answer within ${TIMEOUT_MS} ms to ${JSON.stringify(sent.toString('latin1', 0, 300))}`));
    }, TIMEOUT_MS);
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
    // A server that refuses closes while we still write; what it has said by then is its answer.
    socket.on('error', () => undefined);
  });
}

/** The complete answers in what was received, one byte a character. */
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
    // An interim answer is none yet.
    if (status >= 200) responses.push({ status, head, body: Buffer.from(body, 'latin1').toString('utf8') });
    rest = after.slice(body.length);
  }
}

/** The body, chunk heads and all, when it is complete. */
function extractBody(head: string, after: string): string | undefined {
  if (/^transfer-encoding: *chunked$/im.test(head)) {
    const end = after.indexOf('0\r\n\r\n');
    return end < 0 ? undefined : after.slice(0, end + 5);
  }
  const length = Number(/^content-length: *(\d+)$/im.exec(head)?.[1] ?? 0);
  return after.length < length ? undefined : after.slice(0, length);
}

/** The text of a request; each line of `head` ends as HTTP wants it. */
export const rawRequest = (head: readonly string[], body = ''): string => `${head.join('\r\n')}\r\n\r\n${body}`;
