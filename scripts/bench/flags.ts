import { parseArgs } from 'node:util';

export type BenchPart = 'live' | 'storm' | 'request';

export interface BenchFlags {
  /** Live users, one run each. */
  readonly users: readonly number[];
  readonly seconds: number;
  readonly writesPerSecond: number;
  /** The plain proxy is not asked to hold more users than these. */
  readonly skipBaselineAbove: number;
  readonly stormClients: number;
  /** Plain requests by each way. */
  readonly requests: number;
  readonly only: BenchPart | undefined;
  /** Where the figures go; undefined: they are printed alone. */
  readonly out: string | undefined;
  /** Where the gate's CPU profiles go, if they are wanted. */
  readonly profile: string | undefined;
}

/** A flag is wrong; the message says which, and what it may be. */
export class FlagError extends Error {
  override readonly name = 'FlagError';
}

export const BENCH_USAGE = `npm run bench -- [--users 100,1000,5000,10000] [--seconds 60] [--writes 50]
    [--skip-baseline-above 1000] [--storm 5000] [--requests 2000] [--only live|storm|request]
    [--out docs] [--no-write] [--profile <directory>]
Against CouchDB: COUCHDB_URL, COUCHDB_USER and COUCHDB_PASSWORD; else against the embedded engine.`;

const MAX_FLAG_VALUE = 100_000;

/** A whole number of at least 1. */
export function parseWholeNumber(name: string, text: string): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value < 1 || value > MAX_FLAG_VALUE)
    throw new FlagError(`--${name} is "${text}"; give a whole number from 1 to ${MAX_FLAG_VALUE}.`);
  return value;
}

/** Reads `--name value` flags with their defaults; throws `FlagError` for any other. */
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
      return text;
    case '':
      return undefined;
    default:
      throw new FlagError(`--only is "${text}"; give live, storm or request.`);
  }
}

export function parseBenchFlags(args: readonly string[]): BenchFlags {
  const { values, set } = parseFlags(
    args,
    {
      users: '100,1000,5000,10000',
      seconds: '60',
      writes: '50',
      'skip-baseline-above': '1000',
      storm: '5000',
      requests: '2000',
      only: '',
      out: '',
      profile: '',
    },
    ['no-write'],
  );
  const number = (name: 'seconds' | 'writes' | 'skip-baseline-above' | 'storm' | 'requests'): number =>
    parseWholeNumber(name, values[name]);
  const only = parsePart(values.only);
  // Figures of parts that were not run would be another day's: only a whole run goes into docs unasked.
  const out = values.out === '' && only === undefined ? 'docs' : values.out;
  return {
    users: [...new Set(values.users.split(',').map((text) => parseWholeNumber('users', text)))].sort((a, b) => a - b),
    seconds: number('seconds'),
    writesPerSecond: number('writes'),
    skipBaselineAbove: number('skip-baseline-above'),
    stormClients: number('storm'),
    requests: number('requests'),
    only,
    out: out === '' || set.has('no-write') ? undefined : out,
    profile: values.profile === '' ? undefined : values.profile,
  };
}
