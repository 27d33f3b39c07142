import fc from 'fast-check';
import { parseResponses } from './parse-responses.ts';

const plain = (body: string): string => `HTTP/1.1 200 OK\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
const latin1 = (text: string): string => Buffer.from(text, 'utf8').toString('latin1');

function inChunks(body: string, sizes: readonly number[]): string {
  let rest = body;
  let text = '';
  for (const size of sizes) {
    const part = rest.slice(0, size);
    rest = rest.slice(size);
    if (part !== '') text += `${part.length.toString(16)};x=y\r\n${part}\r\n`;
  }
  if (rest !== '') text += `${rest.length.toString(16)}\r\n${rest}\r\n`;
  return `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${text}0\r\n\r\n`;
}

const bodies = fc.string({
  unit: fc.constantFrom('a', '0', '\r\n', 'é', '{', 'HTTP/1.1 200 OK\r\n\r\n'),
  maxLength: 40,
});

test('pipelined responses are separated, whatever their bodies contain and however they are chunked', () => {
  const property = fc.property(
    fc.array(fc.tuple(bodies, fc.option(fc.array(fc.integer({ min: 1, max: 9 }), { maxLength: 5 })))),
    (responses) => {
      const received = responses.map(([body, sizes]) =>
        sizes === null ? latin1(plain(body)) : inChunks(latin1(body), sizes),
      );
      expect(parseResponses(received.join(''), false).map(({ body }) => body)).toEqual(responses.map(([body]) => body));
    },
  );
  fc.assert(property);
});

test('an incomplete response is none', () => {
  for (const text of [plain('abc'), inChunks('abcdef', [2, 2])]) {
    for (let length = 0; length < text.length; length += 1)
      expect(parseResponses(text.slice(0, length), false)).toEqual([]);
  }
});

test('a close ends a body without a length', () => {
  const text = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\nsorry';
  expect(parseResponses(text, false)).toEqual([]);
  expect(parseResponses(text, true)).toMatchObject([{ status: 400, body: 'sorry' }]);
});

test('interim responses are skipped, and 204 and 304 have no body', () => {
  const text = `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n${plain('x')}`;
  expect(parseResponses(text, false).map(({ status }) => status)).toEqual([304, 200]);
});
