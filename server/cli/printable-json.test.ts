import { printableJson } from './printable-json.ts';

test('escapes what a user may have stored, on several lines or on one', () => {
  const value = { checkpoint: 'a\u009b2J\u202e\n', umlaut: 'ä' };
  expect(printableJson(value)).toBe('{\n  "checkpoint": "a\\u009b2J\\u202e\\n",\n  "umlaut": "ä"\n}');
  expect(printableJson(value, 0)).toBe('{"checkpoint":"a\\u009b2J\\u202e\\n","umlaut":"ä"}');
});
