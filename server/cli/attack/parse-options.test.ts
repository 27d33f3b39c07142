import { ATTACK_GROUPS } from './entry.ts';
import { parseAttackOptions, type AttackOptions } from './parse-options.ts';

const URL = 'http://127.0.0.1:4000';
const parse = (...argv: string[]): AttackOptions => {
  const options = parseAttackOptions([URL, ...argv]);
  if (options === 'help') throw new Error('Help was not requested.');
  return options;
};

test('the defaults are bounded in number, time and rate', () => {
  const expected = { requests: 2_000, seconds: 60, rate: 200, seed: undefined, only: ATTACK_GROUPS, idPrefix: 'user_' };
  expect(parse()).toMatchObject(expected);
});

test('options are parsed', () => {
  const argv = ['--users', 'a,b', '--password-stdin', '--only', 'reads,tokens', '--seed', '0', '--requests', '0'];
  expect(parse(...argv, '--preference', 'density')).toMatchObject({
    users: ['a', 'b'],
    passwordStdin: true,
    only: ['reads', 'tokens'],
    seed: 0,
    requests: 0,
    preference: 'density',
  });
});

test('--help needs no address', () => {
  expect(parseAttackOptions(['-h'])).toBe('help');
});

test.each<[string[], RegExp]>([
  [['--rate', '0'], /--rate must be an integer from 1 to 2000/],
  [['--rate', '5000'], /--rate/],
  [['--requests', '1e9'], /--requests must be/],
  [['--seconds', '-1'], /--seconds/],
  [['--seed', 'x'], /--seed must be/],
  [['--only', 'reads,everything'], /--only takes a list of reads,/],
  [['--users', 'a'], /two names/],
  [['--users', 'a,a'], /two names/],
  [['--users', 'a,b', '--register'], /either --register or --users/],
  [['--password-stdin'], /--password-stdin is for --users/],
  [['another'], /one address/],
])('%j is refused', (argv, sentence) => {
  expect(() => parse(...argv)).toThrow(sentence);
});
