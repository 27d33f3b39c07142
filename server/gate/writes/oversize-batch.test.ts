import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { isOversize } from '../request/body.ts';
import type { RunTurn } from '../../lib/fair-turns.ts';
import { OversizeBatchReader } from './oversize-batch.ts';
import { RowIdParser } from './row-id-parser.ts';

const parseRowIds = (text: string, chunkSize: number): RowIdParser['rows'] => {
  const bytes = Buffer.from(text);
  const parser = new RowIdParser();
  for (let at = 0; at < bytes.length; at += chunkSize) parser.write(bytes.subarray(at, at + chunkSize));
  parser.end();
  return parser.rows;
};

it('finds the same ids as JSON.parse, for any rows and any chunk size', () => {
  const row = fc.dictionary(fc.constantFrom('_id', '_rev', 'docs', 'preferences', '__proto__', 'ü'), fc.jsonValue());
  const batch = fc.record({
    before: fc.jsonValue(),
    docs: fc.array(fc.oneof(row, fc.jsonValue())),
    after: fc.jsonValue(),
  });
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  fc.assert(
    fc.property(batch, fc.integer({ min: 1, max: 50 }), (value, chunkSize) => {
      const json = JSON.stringify(value);
      const { docs } = JSON.parse(json) as { docs: unknown[] };
      const rows = docs.filter(
        (doc): doc is Record<string, unknown> => Object.prototype.toString.call(doc) === '[object Object]',
      );
      expect(parseRowIds(json, chunkSize)).toEqual(
        rows.map(({ _id: id, _rev: rev }) => ({ id: text(id), rev: text(rev) })),
      );
    }),
  );
});

it('rejects incomplete JSON, containers that are closed otherwise than opened, and too many rows', () => {
  for (const text of [
    '{"docs":[',
    '{"docs":[{]}',
    '{"docs":[{}]}}',
    '{"docs":[{}]}{}',
    'x',
    '{"docs":[{"_id":"a"}',
    '"',
  ]) {
    expect(() => parseRowIds(text, 3)).toThrow(expect.objectContaining({ status: 400 }) as Error);
  }
  expect(parseRowIds('{"docs" [{"_id":"a"}]}', 64)).toEqual([]);
  expect(parseRowIds(`{"docs":[{"a":${'['.repeat(99)}${']'.repeat(99)},"_id":"a"}]}`, 64)).toMatchObject([{ id: 'a' }]);
  expect(() => parseRowIds(`{"docs":[${'{},'.repeat(1_000)}{}]}`, 64)).toThrow('rows');
});

it('ignores rows of other members, and members of nested objects', () => {
  const inner = '{"_id":"inner","docs":[{"_id":"innermost"}]}';
  const text = `{"rows":[{"_id":"no"}],"docs":[{"a":${inner},"_id":"yes","_rev":"1-a"},[{"_id":"no"}],"_id"],"x":{"docs":[{"_id":"no"}]}}`;
  expect(parseRowIds(text, 7)).toEqual([{ id: 'yes', rev: '1-a' }]);
});

const requestOf = (length: number): IncomingMessage => {
  const request = new IncomingMessage(new Socket());
  request.headers = { 'content-length': String(length) };
  // Only what the test pushes can be read.
  request._read = () => undefined;
  return request;
};

it('only a batch with a Content-Length over the limit is oversize', () => {
  const mebibyte = 1024 * 1024;
  expect(isOversize({ headers: { 'content-length': String(4 * mebibyte) } })).toBe(false);
  expect(isOversize({ headers: { 'content-length': String(4 * mebibyte + 1) } })).toBe(true);
  expect(isOversize({ headers: { 'transfer-encoding': 'chunked' } })).toBe(false);
  expect(isOversize({ headers: { 'content-length': String(9 * mebibyte), 'content-encoding': 'gzip' } })).toBe(false);
});

const runAtOnce: RunTurn = (work) => work();

it('reads one batch of each user at a time: a second one waits, and other users do not', async () => {
  const reader = new OversizeBatchReader();
  const read = (req: IncomingMessage, user: string): Promise<readonly object[]> =>
    reader.refuseRows(req, user, runAtOnce);
  const [first, second, third, other] = [requestOf(9e6), requestOf(9e6), requestOf(9e6), requestOf(9e6)];
  const firstRows = read(first, 'a');
  const secondRows = read(second, 'a');
  for (const request of [second, other]) {
    request.push('{"docs":[{}]}');
    request.push(null);
  }
  expect(await read(other, 'b')).toHaveLength(1);
  expect(second.readableDidRead).toBe(false);
  first.push('{"docs":[{"_id":"user_a","_rev":"1-b"}]}');
  first.push(null);
  expect(await firstRows).toEqual([
    { id: 'user_a', rev: '1-b', error: 'forbidden', reason: expect.stringContaining('not stored') as string },
  ]);
  expect(await secondRows).toHaveLength(1);
  const aborted = read(third, 'a');
  // The client disconnects in the middle, which lets the next batch in.
  third.push('{"docs":[');
  third.destroy();
  await expect(aborted).rejects.toMatchObject({ status: 499 });
  const last = requestOf(9e6);
  last.push('{"docs":[{}]}');
  last.push(null);
  expect(await read(last, 'a')).toHaveLength(1);
});

it('a batch over the read limit is 413', async () => {
  const request = requestOf(65 * 1024 * 1024);
  await expect(new OversizeBatchReader().refuseRows(request, 'a', runAtOnce)).rejects.toMatchObject({ status: 413 });
});

it('retains no memory for large rows, even before they end', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const parser = new RowIdParser();
  const chunk = Buffer.from('[1,{"a":[2,"three",{"b":null}]},[[[]]]],'.repeat(1_600));
  parser.write(Buffer.from('{"docs":[{"_id":"user_a","wide":['));
  const before = heap();
  for (let at = 0; at < 6 * 1024 * 1024; at += chunk.length) parser.write(chunk);
  // Retained, these 150,000 nested arrays would take tens of MiB.
  expect(heap() - before).toBeLessThan(4 * 1024 * 1024);
  parser.write(Buffer.from('0]}]}'));
  parser.end();
  expect(parser.rows).toEqual([{ id: 'user_a', rev: undefined }]);
});
