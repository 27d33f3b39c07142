import fc from 'fast-check';
import { Readable } from 'node:stream';
import { inBatches, readLines } from './read-lines.ts';

const read = async (chunks: readonly Buffer[]) => {
  const lines = [];
  for await (const line of readLines(Readable.from(chunks))) lines.push(line);
  return lines;
};

test('numbers the lines of a text, however it is split into chunks', async () => {
  const text = '\ufeffa,ä\r\n\n  \n{"b":"😀"}\nc';
  const bytes = Buffer.from(text);
  await fc.assert(
    fc.asyncProperty(fc.uniqueArray(fc.integer({ min: 1, max: bytes.length - 1 })), async (cuts) => {
      const ends = [...cuts.sort((a, b) => a - b), bytes.length];
      const chunks = ends.map((end, index) => bytes.subarray(index === 0 ? 0 : ends[index - 1], end));
      expect(await read(chunks)).toEqual([
        { number: 1, text: 'a,ä' },
        { number: 4, text: '{"b":"😀"}' },
        { number: 5, text: 'c' },
      ]);
    }),
  );
});

test('collects items into batches', async () => {
  const batches = [];
  for await (const batch of inBatches(Readable.from([1, 2, 3, 4, 5]) as AsyncIterable<number>, 2)) batches.push(batch);
  expect(batches).toEqual([[1, 2], [3, 4], [5]]);
});
