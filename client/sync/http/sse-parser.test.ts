import fc from 'fast-check';
import { createSseParser } from './sse-parser.ts';

const name = fc.stringMatching(/^[a-z-]{1,12}$/);
const line = fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll(/[\r\n]/g, ' '));
const event = fc.record({
  name,
  id: fc.option(name, { nil: undefined }),
  lines: fc.array(line, { minLength: 1, maxLength: 3 }),
});

test('returns each event once and complete, however the text is split', () => {
  fc.assert(
    fc.property(fc.array(event), fc.constantFrom('\n', '\r\n'), fc.array(fc.nat()), (events, lineEnd, cuts) => {
      const text = events
        .map(({ name: eventName, id, lines }) =>
          [
            ':a comment',
            `event: ${eventName}`,
            ...(id === undefined ? [] : [`id:${id}`]),
            ...lines.map((dataLine) => `data: ${dataLine}`),
            '',
            '',
          ].join(lineEnd),
        )
        .join('');
      const parseEvents = createSseParser();
      const lengths = [...cuts.map((cut) => cut % (text.length + 1)), text.length].sort((a, b) => a - b);
      const parsed = lengths.flatMap((length) => parseEvents(text.slice(0, length)));
      expect(parsed).toEqual(events.map(({ lines, ...rest }) => ({ ...rest, data: lines.join('\n') })));
    }),
  );
});

test('keeps U+2028, U+2029 and U+0085 as parts of their line', () => {
  expect(createSseParser()('event: x\ndata: "a\u2028b\u2029c\u0085d"\n\n')).toEqual([
    { name: 'x', id: undefined, data: '"a\u2028b\u2029c\u0085d"' },
  ]);
});

test('ignores comments, retry and events without data', () => {
  expect(createSseParser()('retry: 1000\n\n: a comment\n\nevent: x\n\ndata\n\n')).toEqual([
    { name: 'message', id: undefined, data: '' },
  ]);
});
