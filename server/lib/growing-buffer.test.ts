import fc from 'fast-check';
import { GrowingBuffer } from './growing-buffer.ts';

it('holds the chunks in order, in at most twice their size and 16 KiB, and never more than the announced size', () => {
  const chunks = fc.array(fc.uint8Array({ minLength: 1, maxLength: 5_000 }), { minLength: 1, maxLength: 60 });
  fc.assert(
    fc.property(chunks, fc.integer({ min: 1, max: 100_000 }), (parts, announced) => {
      const buffer = new GrowingBuffer(announced);
      const arrived: number[] = [];
      for (const part of parts) {
        buffer.append(Buffer.from(part));
        arrived.push(...part);
        expect(buffer.capacity).toBeLessThanOrEqual(Math.max(2 * arrived.length, 16 * 1024));
        expect(buffer.capacity).toBeLessThanOrEqual(Math.max(announced, arrived.length));
      }
      expect(Buffer.from(arrived).equals(buffer.bytes)).toBe(true);
      expect(buffer.length).toBe(arrived.length);
    }),
  );
});

it('does not copy a single chunk, nor write to one that it was given', () => {
  const chunk = Buffer.from('abc');
  const buffer = new GrowingBuffer(100);
  buffer.append(chunk);
  expect(buffer.bytes.buffer).toBe(chunk.buffer);
  buffer.append(Buffer.from('def'));
  expect([chunk.toString(), Buffer.from(buffer.bytes).toString()]).toEqual(['abc', 'abcdef']);
});

it('copies a body of one-byte chunks a logarithmic number of times', () => {
  const buffer = new GrowingBuffer(1024 * 1024);
  const capacities = new Set<number>();
  for (let n = 0; n < 1024 * 1024; n += 1) {
    buffer.append(Buffer.from('x'));
    capacities.add(buffer.capacity);
  }
  expect(capacities.size).toBeLessThanOrEqual(9);
});
