import fc from 'fast-check';
import { LineSplitter } from './line-splitter.ts';

it('gives the same lines wherever the text is cut', () => {
  const text = fc.array(fc.constantFrom('\n', 'a', '{"id":"é😀"}', '\r', ' '), { maxLength: 40 });
  fc.assert(
    fc.property(text, fc.array(fc.integer({ min: 1, max: 6 }), { minLength: 1 }), (parts, cuts) => {
      const whole = parts.join('');
      const lines = new LineSplitter();
      const got: string[] = [];
      for (let [from, cut] = [0, 0]; from < whole.length; cut += 1) {
        const to = from + (cuts[cut % cuts.length] ?? 1);
        got.push(...lines.push(whole.slice(from, to)));
        from = to;
      }
      expect(got).toEqual(whole.split('\n').slice(0, -1));
    }),
  );
});

it('a long line in small pieces costs no more than its length, and has an end', () => {
  const lines = new LineSplitter();
  const begun = performance.now();
  const rest = (): void => {
    for (;;) for (const line of lines.push('x'.repeat(100))) expect(line).toBe('never');
  };
  expect(rest).toThrow('a line without an end');
  expect(performance.now() - begun).toBeLessThan(2_000);
});
