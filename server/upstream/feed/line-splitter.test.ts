import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import fc from 'fast-check';
import { LineSplitter } from './line-splitter.ts';

it('yields the same lines for any chunking', () => {
  const text = fc.array(fc.constantFrom('\n', 'a', '{"id":"é😀"}', '\r', ' '), { maxLength: 40 });
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1 }), (parts, cuts) => {
      const whole = parts.join('');
      const lines = new LineSplitter();
      const received: string[] = [];
      for (let [from, cut] = [0, 0]; from < whole.length; cut += 1) {
        const to = from + (cuts[cut % cuts.length] ?? 1);
        received.push(...lines.push(whole.slice(from, to)));
        from = to;
      }
      expect(received).toEqual(whole.split('\n').slice(0, -1));
    }),
  );
});

it('reads a long line in small chunks in linear time, and throws beyond the limit', () => {
  const lines = new LineSplitter();
  const startedAt = performance.now();
  const pushForever = (): void => {
    for (;;) for (const line of lines.push('x'.repeat(100))) expect(line).toBe('never');
  };
  expect(pushForever).toThrow('line too long');
  expect(performance.now() - startedAt).toBeLessThan(scaleMs(2_000));
});
