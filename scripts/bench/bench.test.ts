import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { scaleMs } from '../../couchdb-design/testing/patience.ts';
import { benchResultSchema } from './report/result.ts';

let out: string;
beforeAll(async () => {
  out = await mkdtemp(join(tmpdir(), 'pouchgate-bench-'));
});
afterAll(() => rm(out, { recursive: true }));

/** Runs one of the programs of this folder as npm does, on the embedded engine. */
async function run(program: string, args: readonly string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, ['--import', 'tsx', join(__dirname, program), ...args], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { PATH: process.env['PATH'] },
  });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => (output += text));
  // 'close' waits for every process that shares its output, so a remaining one fails the test with a timeout.
  await once(child, 'close');
  return { code: child.exitCode, output };
}

// Times are not asserted: the machine runs other work.
it(
  'loses no write in a small run of all parts, writes bench.json and bench.svg, and leaves no process',
  async () => {
    const flags = [
      '--users',
      '20',
      '--seconds',
      '2',
      '--writes',
      '20',
      '--storm',
      '20',
      '--refusals',
      '500',
      '--requests',
      '40',
      '--browser',
      '10',
      '--out',
      out,
    ];
    const { code, output } = await run('run.ts', flags);
    expect(output).toMatch(/^Pouchgate +20 /m);
    expect(code).toBe(0);

    const result = benchResultSchema.parse(JSON.parse(await readFile(join(out, 'bench.json'), 'utf8')));
    expect(result.upstream.kind).toBe('embedded');
    expect(result.live.map(({ front, users, parked, lost }) => ({ front, users, parked, lost }))).toEqual([
      { front: 'gate', users: 20, parked: 20, lost: 0 },
      { front: 'plain', users: 20, parked: 20, lost: 0 },
    ]);
    for (const { writes, fromSent } of result.live) {
      expect(writes).toMatchObject({ asked: 40, failed: 0 });
      expect(writes.done + writes.skipped).toBe(40);
      // Every write was delivered.
      expect(fromSent?.count).toBe(writes.done);
    }
    // The plain proxy holds one connection to the database per user, which is its flaw.
    expect(result.live[1]?.upstreamConnections).toBeGreaterThanOrEqual(20);
    const parkedAfter = expect.any(Number) as unknown;
    expect(result.storm).toMatchObject([
      { front: 'gate', patience: 'patient', clients: 20, lost: 0, parkedAfter },
      { front: 'bare', patience: 'patient', clients: 20, lost: 0, parkedAfter },
      { front: 'gate', patience: 'impatient', clients: 20, lost: 0, parkedAfter },
      { front: 'bare', patience: 'impatient', clients: 20, lost: 0, parkedAfter },
    ]);
    expect(result.storm[0]?.writes).toBeGreaterThan(0);
    expect(result.refusal).toMatchObject({ requests: 500 });
    for (const { parked, clickToDom } of result.browser) {
      expect(parked).toBe(10);
      expect(clickToDom?.count).toBeGreaterThanOrEqual(20);
    }
    expect(result.request.map(({ concurrency }) => concurrency)).toEqual([1, 8]);
    expect(await readFile(join(out, 'bench.svg'), 'utf8')).toContain('</svg>');
  },
  scaleMs(180_000),
);

it('loses no write in a soak of a few seconds', async () => {
  const { output } = await run('soak.ts', ['--seconds', '4', '--clients', '20', '--churn', '10', '--writes', '20']);
  expect(output).toMatch(/^Of \d+ writes 0 were lost/m);
  expect(output).toMatch(/^open files +\d+/m);
}, 120_000);

it('exits with 1, an explanation and the usage for an invalid flag', async () => {
  const { code, output } = await run('run.ts', ['--users', 'many']);
  expect(code).toBe(1);
  expect(output).toMatch(/^--users is "many"; give a whole number/);
  expect(output).toContain('npm run bench --');
}, 30_000);
