import fc from 'fast-check';
import { HttpResponseParser } from './http-response-parser.ts';

interface ParsedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Parses the parts. Returns the complete responses, and whether the connection closed cleanly. */
function parseParts(parts: readonly string[]): { responses: ParsedResponse[]; closedCleanly: boolean } {
  const responses: ParsedResponse[] = [];
  let status = 0;
  let headers = {};
  let body = '';
  const parser = new HttpResponseParser({
    onHead(parsedStatus, fields) {
      status = parsedStatus;
      headers = Object.fromEntries(fields);
      body = '';
    },
    onBody: (text) => (body += text),
    onEnd: () => responses.push({ status, headers, body }),
  });
  for (const part of parts) parser.push(part);
  return { responses, closedCleanly: parser.connectionClosed() };
}

const CHUNKED =
  'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n' +
  'd\r\n{"results":[\n\r\n1\r\n\n\r\n20;x=y\r\n],\n"last_seq":"1-a","pending":0}\r\n0\r\nX-Trailer: 1\r\n\r\n';
const BODY = '{"results":[\n\n],\n"last_seq":"1-a","pending":0}';
const SHED = 'HTTP/1.1 503 Service Unavailable\r\nRetry-After: 3\r\nContent-Length: 4\r\n\r\nbusy';
const EMPTY = 'HTTP/1.1 204 No Content\r\n\r\n';
const INTERIM = 'HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n';

const ALL = [
  { status: 200, headers: { 'transfer-encoding': 'chunked' }, body: BODY },
  { status: 503, headers: { 'retry-after': '3', 'content-length': '4' }, body: 'busy' },
  { status: 204, headers: {}, body: '' },
  { status: 200, headers: { 'transfer-encoding': 'chunked' }, body: BODY },
];

it('separates the responses on one connection, wherever the parts are cut', () => {
  const text = CHUNKED + SHED + EMPTY + INTERIM + CHUNKED;
  fc.assert(
    fc.property(fc.array(fc.nat({ max: text.length })), (cuts) => {
      const offsets = [0, ...cuts.sort((a, b) => a - b), text.length];
      const parts = offsets.slice(1).map((offset, n) => text.slice(offsets[n], offset));
      expect(parseParts(parts)).toEqual({ responses: ALL, closedCleanly: true });
    }),
  );
});

it('does not report a truncated response as complete', () => {
  for (let length = 1; length < CHUNKED.length; length += 1) {
    expect(parseParts([CHUNKED.slice(0, length)])).toEqual({ responses: [], closedCleanly: false });
  }
});

it('ends a response without a length when the connection closes', () => {
  const { responses, closedCleanly } = parseParts(['HTTP/1.1 200 OK\r\n\r\nabc', 'def']);
  expect(closedCleanly).toBe(true);
  expect(responses).toEqual([{ status: 200, headers: {}, body: 'abcdef' }]);
});
