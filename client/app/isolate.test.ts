import { isolate } from './isolate.ts';

test.each([
  ['home', 'home'],
  ['', ''],
  ['\u202egarden', '\u2068garden\u2069'],
  ['\u2069\u202egarden', '\u2068garden\u2069'],
  ['\u05d1\u05d9\u05ea', '\u2068\u05d1\u05d9\u05ea\u2069'],
])('%j is shown in a sentence as %j', (text, expected) => {
  expect(isolate(text)).toBe(expected);
});
