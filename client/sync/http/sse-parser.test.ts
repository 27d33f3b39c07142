import fc from 'fast-check';
import { createSseParser } from './sse-parser.ts';

const name = fc.stringMatching(/^[a-z-]{1,12}$/);
const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, ' '));
const event = fc.record({
  name,
  id: fc.option(name, { nil: undefined }),
  lines: fc.array(line, { minLength: 1, maxLength: 3 }),
});

test('each event is read once and whole, however the text comes', () => {
  fc.assert(
    fc.property(fc.array(event), fc.constantFrom('\n', '\r\n'), fc.array(fc.nat()), (events, end, cuts) => {
      const text = events
        .map(({ name: each, id, lines }) =>
          [
            ':a comment',
            `event: ${each}`,
            ...(id === undefined ? [] : [`id:${id}`]),
            ...lines.map((one) => `data: ${one}`),
            '',
            '',
          ].join(end),
        )
        .join('');
      const read = createSseParser();
      const lengths = [...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
      const found = lengths.flatMap((length) => read(text.slice(0, length)));
      expect(found).toEqual(events.map(({ lines, ...rest }) => ({ ...rest, data: lines.join('\n') })));
    }),
  );
});

test('a separator that is none here is a part of its line', () => {
  expect(createSseParser()('event: x\ndata: "a\u2028b\u2029c\u0085d"\n\n')).toEqual([
    { name: 'x', id: undefined, data: '"a\u2028b\u2029c\u0085d"' },
  ]);
});

test('what says nothing is no event', () => {
  expect(createSseParser()('retry: 1000\n\n: a comment\n\nevent: x\n\ndata\n\n')).toEqual([
    { name: 'message', id: undefined, data: '' },
  ]);
});
