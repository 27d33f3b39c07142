import fc from 'fast-check';
import { UsageError } from './command-error.ts';
import { parseUsersOptions } from './parse-options.ts';

test('the command line is what it says', () => {
  expect(parseUsersOptions(['list', '--json'])).toEqual({ json: true, request: { command: 'list' } });
  expect(parseUsersOptions(['add', 'alice'])).toEqual({
    json: false,
    request: { command: 'add', username: 'alice', passwordFrom: 'terminal' },
  });
  expect(parseUsersOptions(['--yes', 'erase', 'alice'])).toEqual({
    json: false,
    request: { command: 'erase', username: 'alice', yes: true },
  });
  for (const argv of [[], ['help'], ['--help'], ['erase', '-h']]) expect(parseUsersOptions(argv)).toBe('help');
});

test.each([
  [['dance', 'alice'], 'There is no command "dance"; give one of add, list'],
  [['toString', 'alice'], 'There is no command "toString"'],
  [['show'], 'Give "show <name>".'],
  [['show', 'alice', 'bob'], 'and nothing more'],
  [['set', 'alice', 'selectedTags', '["a",', '"b"]'], 'in quotes'],
  [['show', 'Alice'], '"Alice" is no username'],
  [['show', 'alice', '--yes'], '--yes is not for show'],
  [['list', '--password-stdin'], '--password-stdin is not for list'],
  [['erase', 'alice', '--force'], "Unknown option '--force'"],
])('%j is no command line, and it is said why', (argv, sentence) => {
  expect(() => parseUsersOptions(argv)).toThrow(UsageError);
  expect(() => parseUsersOptions(argv)).toThrow(sentence);
});

test('a password that somebody gives as an argument is never repeated', () => {
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

test('whatever is typed, it is a request, help, or a sentence', () => {
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
