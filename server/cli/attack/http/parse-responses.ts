import type { ObservedResponse } from './observed-response.ts';

/**
 * Parses the complete responses in what a connection received. Interim responses (1xx) are skipped.
 *
 * @param received One byte a character.
 * @param isClosed Whether the server has closed the connection, which ends a body without a length (RFC 9112, 6.3).
 */
export function parseResponses(received: string, isClosed: boolean): readonly ObservedResponse[] {
  const responses: ObservedResponse[] = [];
  let rest = received;
  for (;;) {
    const headEnd = rest.indexOf('\r\n\r\n');
    if (headEnd < 0) return responses;
    const head = rest.slice(0, headEnd);
    const status = Number(/^HTTP\/1\.[01] (\d{3})/.exec(head)?.[1] ?? Number.NaN);
    if (Number.isNaN(status)) return responses;
    const body =
      status < 200 || status === 204 || status === 304 ? EMPTY : readBody(head, rest.slice(headEnd + 4), isClosed);
    if (body === undefined) return responses;
    if (status >= 200) responses.push({ status, head: utf8(head), body: utf8(body.text) });
    rest = rest.slice(headEnd + 4 + body.length);
  }
}

interface Body {
  readonly text: string;
  /** How much of the received text it occupies. */
  readonly length: number;
}

const EMPTY: Body = { text: '', length: 0 };
const utf8 = (bytes: string): string => Buffer.from(bytes, 'latin1').toString('utf8');

function readBody(head: string, after: string, isClosed: boolean): Body | undefined {
  if (/^transfer-encoding:.*\bchunked\s*$/im.test(head)) return readChunks(after);
  const contentLength = /^content-length:\s*(\d+)\s*$/im.exec(head)?.[1];
  if (contentLength === undefined) return isClosed ? { text: after, length: after.length } : undefined;
  const length = Number(contentLength);
  return after.length < length ? undefined : { text: after.slice(0, length), length };
}

/** Decodes a chunked body (RFC 9112, 7.1), so that no text is split by a chunk's length. */
function readChunks(text: string): Body | undefined {
  let decoded = '';
  let at = 0;
  for (;;) {
    const lineEnd = text.indexOf('\r\n', at);
    if (lineEnd < 0) return undefined;
    const size = Number.parseInt(text.slice(at, lineEnd), 16);
    if (Number.isNaN(size)) return undefined;
    if (size === 0) {
      // Trailers may follow, up to an empty line.
      const end = text.indexOf('\r\n\r\n', lineEnd);
      return end < 0 ? undefined : { text: decoded, length: end + 4 };
    }
    const start = lineEnd + 2;
    if (text.length < start + size + 2) return undefined;
    decoded += text.slice(start, start + size);
    at = start + size + 2;
  }
}
