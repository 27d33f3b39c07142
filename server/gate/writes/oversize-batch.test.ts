import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { isOversize } from '../request/body.ts';
import { OversizeBatchReader, RowIdParser } from './oversize-batch.ts';

const parseRowIds = (text: string, cut: number): RowIdParser['rows'] => {
  const bytes = Buffer.from(text);
  const names = new RowIdParser();
  for (let at = 0; at < bytes.length; at += cut) names.write(bytes.subarray(at, at + cut));
  names.end();
  return names.rows;
};

it('finds what JSON.parse finds, whatever else is in the rows and wherever the chunks are cut', () => {
  const row = fc.dictionary(fc.constantFrom('_id', '_rev', 'docs', 'preferences', '__proto__', 'ü'), fc.jsonValue());
  const batch = fc.record({
    before: fc.jsonValue(),
    docs: fc.array(fc.oneof(row, fc.jsonValue())),
    after: fc.jsonValue(),
  });
  const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);
  fc.assert(
    fc.property(batch, fc.integer({ min: 1, max: 50 }), (value, cut) => {
      const json = JSON.stringify(value);
      const { docs } = JSON.parse(json) as { docs: unknown[] };
      const rows = docs.filter(
        (doc): doc is Record<string, unknown> => Object.prototype.toString.call(doc) === '[object Object]',
      );
      expect(parseRowIds(json, cut)).toEqual(rows.map(({ _id: id, _rev: rev }) => ({ id: text(id), rev: text(rev) })));
    }),
  );
});

it('refuses what is no JSON, what ends early, nests too deep, or has too many rows', () => {
  for (const text of ['{"docs":[', '{"docs":[{]}', '{"docs":[{}]}}', 'x', '{"docs":[{"_id":"a"}', '{"docs" []}']) {
    expect(() => parseRowIds(text, 3)).toThrow(expect.objectContaining({ status: 400 }) as Error);
  }
  expect(() => parseRowIds(`{"docs":[{"a":${'['.repeat(100)}${']'.repeat(100)}}]}`, 64)).toThrow('nested too deeply');
  expect(() => parseRowIds(`{"docs":[${'{},'.repeat(1_000)}{}]}`, 64)).toThrow('rows');
});

it('does not take the rows of another member, or a member of a row within a row, for its own', () => {
  const inner = '{"_id":"inner","docs":[{"_id":"innermost"}]}';
  const text = `{"rows":[{"_id":"no"}],"docs":[{"a":${inner},"_id":"yes","_rev":"1-a"},[{"_id":"no"}],"_id"],"x":{"docs":[{"_id":"no"}]}}`;
  expect(parseRowIds(text, 7)).toEqual([{ id: 'yes', rev: '1-a' }]);
});

const requestOf = (length: number): IncomingMessage => {
  const request = new IncomingMessage(new Socket());
  request.headers = { 'content-length': String(length) };
  // Nothing to read but what the test pushes.
  request._read = () => undefined;
  return request;
};

it('only a batch that says so is read this way', () => {
  const mebibyte = 1024 * 1024;
  expect(isOversize({ headers: { 'content-length': String(8 * mebibyte) } })).toBe(false);
  expect(isOversize({ headers: { 'content-length': String(8 * mebibyte + 1) } })).toBe(true);
  expect(isOversize({ headers: { 'transfer-encoding': 'chunked' } })).toBe(false);
  expect(isOversize({ headers: { 'content-length': String(9 * mebibyte), 'content-encoding': 'gzip' } })).toBe(false);
});

it('one batch at a time: another one meanwhile is told to come back, and may when the first is over', async () => {
  const reader = new OversizeBatchReader();
  const [first, second, third] = [requestOf(9e6), requestOf(9e6), requestOf(9e6)];
  const under = reader.refuseRows(first);
  await expect(reader.refuseRows(second)).rejects.toMatchObject({ status: 503 });
  first.push('{"docs":[{"_id":"user_a","_rev":"1-b"}]}');
  first.push(null);
  expect(await under).toEqual([
    { id: 'user_a', rev: '1-b', error: 'forbidden', reason: expect.stringContaining('not stored') as string },
  ]);
  const after = reader.refuseRows(third);
  // Its client goes away in the middle: the place is free again.
  third.push('{"docs":[');
  third.destroy();
  await expect(after).rejects.toMatchObject({ status: 503 });
  const last = requestOf(9e6);
  last.push('{"docs":[{}]}');
  last.push(null);
  expect(await reader.refuseRows(last)).toHaveLength(1);
});

it('above what is read at all it is 413', async () => {
  await expect(new OversizeBatchReader().refuseRows(requestOf(65 * 1024 * 1024))).rejects.toMatchObject({
    status: 413,
  });
});

it('keeps nothing of what passes by: rows deep and wide leave no heap behind, even before they are over', () => {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as () => void;
  const heap = (): number => {
    collect();
    return process.memoryUsage().heapUsed;
  };
  const names = new RowIdParser();
  const chunk = Buffer.from('[1,{"a":[2,"three",{"b":null}]},[[[]]]],'.repeat(1_600));
  names.write(Buffer.from('{"docs":[{"_id":"user_a","wide":['));
  const before = heap();
  for (let at = 0; at < 6 * 1024 * 1024; at += chunk.length) names.write(chunk);
  // Kept, these 150,000 arrays of arrays would take tens of MiB.
  expect(heap() - before).toBeLessThan(4 * 1024 * 1024);
  names.write(Buffer.from('0]}]}'));
  names.end();
  expect(names.rows).toEqual([{ id: 'user_a', rev: undefined }]);
});
