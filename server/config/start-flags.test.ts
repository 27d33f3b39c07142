import { ConfigError } from './config.ts';
import { parseStartFlags } from './start-flags.ts';

test('--workers is WORKERS, and without it the variable is left alone', () => {
  expect(parseStartFlags(['--workers', '4'])).toEqual({ WORKERS: '4' });
  expect(parseStartFlags(['--workers=2'])).toEqual({ WORKERS: '2' });
  expect(parseStartFlags([])).toEqual({});
});

test('--help is recognized', () => {
  expect(parseStartFlags(['--help'])).toBe('help');
});

test.each([[['--worker', '2']], [['--workers']], [['2']]])('%j is refused with the help', (argv) => {
  expect(() => parseStartFlags(argv)).toThrow(ConfigError);
  expect(() => parseStartFlags(argv)).toThrow(/pouchgate start \[--workers <n>\]/);
});
