import { FlagError, parseBenchFlags } from './flags.ts';

it('runs all parts and writes to docs without flags', () => {
  expect(parseBenchFlags([])).toEqual({
    users: [100, 1_000, 5_000, 10_000],
    seconds: 60,
    writesPerSecond: 50,
    skipBaselineAbove: 1_000,
    stormClients: 5_000,
    patience: ['patient', 'impatient'],
    refusals: 50_000,
    requests: 2_000,
    browserUsers: [10, 5_000],
    only: undefined,
    out: 'docs',
    profile: undefined,
  });
});

it('does not write to docs after a partial run, unless --out is given', () => {
  expect(parseBenchFlags(['--only', 'storm']).out).toBeUndefined();
  expect(parseBenchFlags(['--only', 'storm', '--out', 'docs']).out).toBe('docs');
  expect(parseBenchFlags(['--no-write']).out).toBeUndefined();
});

it('sorts the numbers of users and removes duplicates', () => {
  expect(parseBenchFlags(['--users', '300,20,300']).users).toEqual([20, 300]);
});

it.each([
  [['--users', '100,many'], /--users is "many"/],
  [['--users', ''], /--users is ""/],
  [['--seconds', '0'], /--seconds is "0"/],
  [['--writes', '-5'], /--writes/],
  [['--writes=1e3'], /--writes is "1e3"/],
  [['--storm', '1000000'], /from 1 to 100000/],
  [['--clients', 'patient,calm'], /--clients is "calm"/],
  [['--only', 'all'], /live, storm, request or browser/],
  [['--browser', '10,'], /--browser is ""/],
  [['--fast'], /--fast/],
  [['100'], /100/],
])('rejects %j with an explanation', (args, message) => {
  expect(() => parseBenchFlags(args)).toThrow(FlagError);
  expect(() => parseBenchFlags(args)).toThrow(message);
});
