import fc from 'fast-check';
import { HttpResponseParser } from './http-response-parser.ts';

interface ParsedResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
}

/** Reads what comes in parts; resolves to the complete answers and what the reader says of the end. */
function parseParts(parts: readonly string[]): { answers: ParsedResponse[]; inOrder: boolean } {
  const answers: ParsedResponse[] = [];
  let status = 0;
  let headers = {};
  let body = '';
  const reader = new HttpResponseParser({
    onHead(told, fields) {
      status = told;
      headers = Object.fromEntries(fields);
      body = '';
    },
    onBody: (text) => (body += text),
    onEnd: () => answers.push({ status, headers, body }),
  });
  for (const part of parts) reader.push(part);
  return { answers, inOrder: reader.connectionClosed() };
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

it('answers on one connection are told apart, wherever the parts are cut', () => {
  const text = CHUNKED + SHED + EMPTY + INTERIM + CHUNKED;
  fc.assert(
    fc.property(fc.array(fc.nat({ max: text.length })), (cuts) => {
      const places = [0, ...cuts.sort((a, b) => a - b), text.length];
      const parts = places.slice(1).map((place, n) => text.slice(places[n], place));
      expect(parseParts(parts)).toEqual({ answers: ALL, inOrder: true });
    }),
  );
});

it('an answer that breaks off is not complete', () => {
  for (let length = 1; length < CHUNKED.length; length += 1) {
    expect(parseParts([CHUNKED.slice(0, length)])).toEqual({ answers: [], inOrder: false });
  }
});

it('an answer without a length goes on until the connection ends', () => {
  const { answers, inOrder } = parseParts(['HTTP/1.1 200 OK\r\n\r\nabc', 'def']);
  expect(inOrder).toBe(true);
  expect(answers).toEqual([{ status: 200, headers: {}, body: 'abcdef' }]);
});
