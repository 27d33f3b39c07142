import { parseArgs } from 'node:util';

import type { Patience } from './load/live-client.ts';

/** A part of the benchmark that can run alone. */
export type BenchPart = 'live' | 'storm' | 'request' | 'browser';

/** The parsed flags of `npm run bench`. */
export interface BenchFlags {
  /** Numbers of live users, ascending. Each gets its own run. */
  readonly users: readonly number[];
  /** Duration of the writes in each live run. */
  readonly seconds: number;
  readonly writesPerSecond: number;
  /** Runs with more users skip the plain proxy. */
  readonly skipBaselineAbove: number;
  readonly stormClients: number;
  /** The kinds of clients of the storms. */
  readonly patience: readonly Patience[];
  /** Requests that are refused, by each of two servers. */
  readonly refusals: number;
  /** Plain requests through each of the two routes. */
  readonly requests: number;
  /** Numbers of other live users while clicks in browsers are measured. */
  readonly browserUsers: readonly number[];
  readonly only: BenchPart | undefined;
  /** Directory for bench.json and bench.svg. Without it the result is only printed. */
  readonly out: string | undefined;
  /** Directory for the gate's CPU profiles. Without it no profile is taken. */
  readonly profile: string | undefined;
}

/** A flag is invalid. The message names it and its valid values. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

export const BENCH_USAGE = `npm run bench -- [--users 100,1000,5000,10000] [--seconds 60] [--writes 50]
    [--skip-baseline-above 1000] [--storm 5000] [--clients patient,impatient] [--refusals 50000]
    [--requests 2000] [--browser 10,5000] [--only live|storm|request|browser]
    [--out docs] [--no-write] [--profile <directory>]
Set COUCHDB_URL, COUCHDB_USER and COUCHDB_PASSWORD to run on CouchDB. The default is the embedded engine.`;

const MAX_FLAG_VALUE = 100_000;

/**
 * Parses a whole number from 1 to 100,000.
 *
 * @throws FlagError for any other text.
 */
export function parseWholeNumber(name: string, text: string): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_FLAG_VALUE)
    throw new FlagError(`--${name} is "${text}"; give a whole number from 1 to ${MAX_FLAG_VALUE}.`);
  return value;
}

/**
 * Parses `--name value` flags and `--name` switches.
 *
 * @param defaults - Names and default values of all flags.
 * @param switches - Names of the flags without a value.
 * @returns The values, and the names of all flags that were given.
 * @throws FlagError for an unknown flag or a positional argument.
 */
export function parseFlags<Name extends string>(
  args: readonly string[],
  defaults: Readonly<Record<Name, string>>,
  switches: readonly string[] = [],
): { readonly values: Readonly<Record<Name, string>>; readonly set: ReadonlySet<string> } {
  const options: Record<string, { type: 'string' | 'boolean' }> = {};
  for (const name of Object.keys(defaults)) options[name] = { type: 'string' };
  for (const name of switches) options[name] = { type: 'boolean' };
  try {
    const parsed: { readonly values: object } = parseArgs({ args: [...args], options, allowPositionals: false });
    return { values: { ...defaults, ...parsed.values }, set: new Set(Object.keys(parsed.values)) };
  } catch (error) {
    throw new FlagError(`${error instanceof Error ? error.message : String(error)}.`, { cause: error });
  }
}

function parsePart(text: string): BenchPart | undefined {
  switch (text) {
    case 'live':
    case 'storm':
    case 'request':
    case 'browser':
      return text;
    case '':
      return undefined;
    default:
      throw new FlagError(`--only is "${text}"; give live, storm, request or browser.`);
  }
}

function parsePatience(text: string): Patience {
  if (text === 'patient' || text === 'impatient') return text;
  throw new FlagError(`--clients is "${text}"; give patient, impatient or both, separated by a comma.`);
}

/**
 * Parses the flags of `npm run bench`.
 *
 * @throws FlagError for an unknown flag or an invalid value.
 */
export function parseBenchFlags(args: readonly string[]): BenchFlags {
  const { values, set } = parseFlags(
    args,
    {
      users: '100,1000,5000,10000',
      seconds: '60',
      writes: '50',
      'skip-baseline-above': '1000',
      storm: '5000',
      clients: 'patient,impatient',
      refusals: '50000',
      requests: '2000',
      browser: '10,5000',
      only: '',
      out: '',
      profile: '',
    },
    ['no-write'],
  );
  const number = (name: 'seconds' | 'writes' | 'skip-baseline-above' | 'storm' | 'refusals' | 'requests'): number =>
    parseWholeNumber(name, values[name]);
  const only = parsePart(values.only);
  // A partial run lacks the other parts' figures, so by default only a full run is written to docs.
  const out = values.out === '' && only === undefined ? 'docs' : values.out;
  const numbers = (name: 'users' | 'browser'): number[] =>
    [...new Set(values[name].split(',').map((text) => parseWholeNumber(name, text)))].sort((a, b) => a - b);
  return {
    users: numbers('users'),
    seconds: number('seconds'),
    writesPerSecond: number('writes'),
    skipBaselineAbove: number('skip-baseline-above'),
    stormClients: number('storm'),
    patience: [...new Set(values.clients.split(',').map(parsePatience))],
    refusals: number('refusals'),
    requests: number('requests'),
    browserUsers: numbers('browser'),
    only,
    out: out === '' || set.has('no-write') ? undefined : out,
    profile: values.profile === '' ? undefined : values.profile,
  };
}
