import fc from 'fast-check';
import { UsageError } from '../command-error.ts';
import { parseUsersOptions } from './parse-options.ts';

test('parses each kind of command line', () => {
  expect(parseUsersOptions(['list', '--json'])).toEqual({ json: true, request: { command: 'list' } });
  expect(parseUsersOptions(['add', 'alice'])).toEqual({
    json: false,
    request: { command: 'add', username: 'alice', passwordFrom: 'terminal' },
  });
  expect(parseUsersOptions(['--yes', 'erase', 'alice'])).toEqual({
    json: false,
    request: { command: 'erase', username: 'alice', yes: true },
  });
  expect(parseUsersOptions(['show', 'auth0|5f7c'])).toEqual({
    json: false,
    request: { command: 'show', username: 'auth0=7C5f7c' },
  });
  expect(parseUsersOptions(['show', '--', '-a\\u{7}'])).toMatchObject({ request: { username: '-a=07' } });
  for (const argv of [[], ['help'], ['--help'], ['erase', '-h']]) expect(parseUsersOptions(argv)).toBe('help');
});

test.each([
  [['dance', 'alice'], 'Unknown command "dance". Use one of add, list'],
  [['toString', 'alice'], 'Unknown command "toString"'],
  [['show'], 'Use "show <name>".'],
  [['show', 'alice', 'bob'], 'without further arguments'],
  [['set', 'alice', 'selectedTags', '["a",', '"b"]'], 'with quotes around'],
  [['add', 'Alice'], '"Alice" is not the name of an account'],
  [['show', ''], 'not a text of 1 to 255 characters'],
  [['show', 'a'.repeat(256)], 'not a text of 1 to 255 characters'],
  [['erase', '\\u{61}lice'], 'with \\u{5c} for a backslash'],
  [['show', 'alice', '--yes'], 'show does not take --yes'],
  [['list', '--password-stdin'], 'list does not take --password-stdin'],
  [['erase', 'alice', '--force'], "Unknown option '--force'"],
])('rejects %j with the reason', (argv, sentence) => {
  expect(() => parseUsersOptions(argv)).toThrow(UsageError);
  expect(() => parseUsersOptions(argv)).toThrow(sentence);
});

test('never repeats a password that is given as an argument', () => {
  for (const argv of [
    ['add', 'alice', 'hunter2-hunter2'],
    ['add', 'alice', '--password=hunter2-hunter2'],
    ['add', 'alice', '--password-stdin=hunter2-hunter2'],
    ['reset-password', 'alice', '--json=hunter2-hunter2'],
  ]) {
    let message = '';
    try {
      parseUsersOptions(argv);
    } catch (error) {
      message = String(error);
    }
    expect(message).toContain('UsageError');
    expect(message).not.toContain('hunter2');
  }
});

test('parses any arguments to a request or help, or throws a UsageError', () => {
  const word = fc.oneof(
    fc.string(),
    fc.constantFrom('add', 'list', 'show', 'set', 'erase', 'alice', 'theme', 'dark', '--json', '--yes', '--', '-h'),
  );
  fc.assert(
    fc.property(fc.array(word, { maxLength: 6 }), (argv) => {
      try {
        const read = parseUsersOptions(argv);
        expect(read === 'help' || typeof read.request.command === 'string').toBe(true);
      } catch (error) {
        expect(error).toBeInstanceOf(UsageError);
      }
    }),
  );
});
