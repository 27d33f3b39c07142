/** Checks what an operator gets: the packed package's command, run by Node alone, without the sources and their compiler. */
import { execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { startEmbeddedEngine } from '../../../server/upstream/embedded/engine.ts';

interface Ran {
  readonly code: number;
  readonly said: string;
}

type Environment = Readonly<Record<string, string>>;

/** Like a shell on a fresh machine: nothing of this process's own environment but where programs are. */
const base: Environment = { PATH: process.env['PATH'] ?? '' };

function run(command: string, args: readonly string[], env: Environment = {}): Promise<Ran> {
  return new Promise((resolve) => {
    const child = execFile(process.execPath, [command, ...args], { env: { ...base, ...env } }, (_error, out, err) =>
      resolve({ code: child.exitCode ?? -1, said: out + err }),
    );
  });
}

function expectThat(ran: Ran, code: number, words: string): void {
  if (ran.code !== code || !ran.said.includes(words))
    throw new Error(`Expected ${code} and ${JSON.stringify(words)}, had ${ran.code} and:\n${ran.said}`);
}

/** `home` is where the package was unpacked, beside its dependencies. */
export async function commandWorks(home: string): Promise<void> {
  const command = join(home, 'dist/package/scripts/pouchgate.js');
  expectThat(await run(command, []), 0, 'pouchgate setup');
  expectThat(await run(command, ['dcotor']), 1, 'There is no command "dcotor".');
  expectThat(await run(command, ['setup']), 1, 'COUCHDB_URL is missing');
  expectThat(await run(command, ['setup', '--help']), 0, '--dry-run');
  const engine = await startEmbeddedEngine({ storage: { kind: 'memory', name: 'package' } });
  try {
    const { url, username, password } = engine.access;
    const admin = { COUCHDB_URL: url, COUCHDB_USER: username, COUCHDB_PASSWORD: password };
    const first = await run(command, ['setup', '--new-secret'], admin);
    expectThat(first, 0, 'cannot be shown again');
    expectThat(await run(command, ['setup'], admin), 0, 'Nothing had to be changed.');
    const lines = [...first.said.matchAll(/^([A-Z_]+)=(.*)$/gm)];
    const printed: Environment = Object.fromEntries(lines.map(([, key = '', value = '']) => [key, value]));
    const env = { ...printed, JWT_SECRET: 'a secret for tests, and for nothing else at all' };
    expectThat(await run(command, ['doctor'], env), 0, 'All is well.');
    await usersWork(command, env);
    await starts(command, env);
  } finally {
    await engine.close();
  }
}

/** With what set-up printed, and nothing else. */
async function usersWork(command: string, env: Environment): Promise<void> {
  expectThat(await run(command, ['users', 'dance'], env), 2, 'There is no command "dance"');
  expectThat(await run(command, ['users', 'list', '--json'], env), 0, '"users": []');
  expectThat(await run(command, ['users', 'suspend', 'alice', '--unseen'], env), 0, 'alice is suspended');
  expectThat(await run(command, ['users', 'list', '--json'], env), 0, '"state": "suspended"');
}

/** In ms. */
const LONGEST_START = 20_000;

/** The server comes up as the service account, and goes when it is told to. */
async function starts(command: string, env: Environment): Promise<void> {
  const more = { PORT: '0', METRICS_PORT: 'off', DRAIN_SECONDS: '0', LOG_LEVEL: 'error' };
  const child = spawn(process.execPath, [command, 'start'], { env: { ...base, ...env, ...more }, cwd: tmpdir() });
  const late = setTimeout(() => child.kill('SIGKILL'), LONGEST_START);
  const said: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line);
      if (line.startsWith('Pouchgate is at ')) child.kill('SIGTERM');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
    const { exitCode } = child;
    if (exitCode !== 0 || !said.join('\n').includes('Pouchgate is at'))
      throw new Error(`It ended with ${exitCode ?? 'a signal'}:\n${said.join('\n')}`);
  } finally {
    clearTimeout(late);
  }
}
