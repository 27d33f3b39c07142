import { FlagError, parseBenchFlags } from './flags.ts';

it('without flags it is the whole run, whose figures go into docs', () => {
  expect(parseBenchFlags([])).toEqual({
    users: [100, 1_000, 5_000, 10_000],
    seconds: 60,
    writesPerSecond: 50,
    skipBaselineAbove: 1_000,
    stormClients: 5_000,
    requests: 2_000,
    only: undefined,
    out: 'docs',
    profile: undefined,
  });
});

it('a part of the run leaves docs alone, unless it is told otherwise', () => {
  expect(parseBenchFlags(['--only', 'storm']).out).toBeUndefined();
  expect(parseBenchFlags(['--only', 'storm', '--out', 'docs']).out).toBe('docs');
  expect(parseBenchFlags(['--no-write']).out).toBeUndefined();
});

it('users are run from few to many, each number once', () => {
  expect(parseBenchFlags(['--users', '300,20,300']).users).toEqual([20, 300]);
});

it.each([
  [['--users', '100,many'], /--users is "many"/],
  [['--users', ''], /--users is ""/],
  [['--seconds', '0'], /--seconds is "0"/],
  [['--writes', '-5'], /--writes/],
  [['--writes=1e3'], /--writes is "1e3"/],
  [['--storm', '1000000'], /from 1 to 100000/],
  [['--only', 'all'], /live, storm or request/],
  [['--fast'], /--fast/],
  [['100'], /100/],
])('%j is answered with a sentence', (args, sentence) => {
  expect(() => parseBenchFlags(args)).toThrow(FlagError);
  expect(() => parseBenchFlags(args)).toThrow(sentence);
});
