import fc from 'fast-check';
import { continueTrace, formatTraceparent } from './traceparent.ts';

const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';
const SPAN = '53995c3f42cd8ad8';
const newSpanId = (): string => SPAN;

test.each([
  ['the current version', `00-${TRACE}-${PARENT}-01`, 1],
  ['not sampled', `00-${TRACE}-${PARENT}-00`, 0],
  ['unknown flags, which are removed', `00-${TRACE}-${PARENT}-ff`, 3],
  ['a later version', `01-${TRACE}-${PARENT}-01`, 1],
  ['a later version with further members', `cc-${TRACE}-${PARENT}-01-what-the-future-will-be`, 1],
])('%s continues the trace', (_name, header, flags) => {
  const span = continueTrace(header, newSpanId);
  expect(span).toEqual({ traceId: TRACE, spanId: SPAN, flags });
  expect(span === undefined ? '' : formatTraceparent(span)).toBe(`00-${TRACE}-${SPAN}-0${flags}`);
});

test.each([
  ['nothing', undefined],
  ['an empty text', ''],
  ['a forbidden version', `ff-${TRACE}-${PARENT}-01`],
  ['further members in version 00', `00-${TRACE}-${PARENT}-01-x`],
  ['further characters', `01-${TRACE}-${PARENT}-01.`],
  ['upper case', `00-${TRACE.toUpperCase()}-${PARENT}-01`],
  ['a trace id of zeros', `00-${'0'.repeat(32)}-${PARENT}-01`],
  ['a parent id of zeros', `00-${TRACE}-${'0'.repeat(16)}-01`],
  ['a short trace id', `00-${TRACE.slice(1)}-${PARENT}-01`],
  ['two headers, as Node joins them', `00-${TRACE}-${PARENT}-01, 00-${TRACE}-${PARENT}-01`],
  ['a line feed at the end', `00-${TRACE}-${PARENT}-01\n`],
])('%s starts no trace', (_name, header) => {
  expect(continueTrace(header, newSpanId)).toBeUndefined();
});

test('no text of a client is in the formatted header but the trace id', () => {
  fc.assert(
    fc.property(fc.string(), (suffix) => {
      const span = continueTrace(`01-${TRACE}-${PARENT}-01-${suffix}`);
      if (span !== undefined) expect(formatTraceparent(span)).toMatch(new RegExp(`^00-${TRACE}-[0-9a-f]{16}-01$`));
    }),
  );
});
