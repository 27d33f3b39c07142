/**
 * Checks what the Dockerfile says, without Docker: its stages are gone through with this machine's Node and packages, in
 * folders that hold only what it copies, and what comes out is started and stopped as a container is.
 */
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../../..');

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** What is done in each stage, in their order; what comes before the first one is left out. */
function readStages(): Instruction[][] {
  const lines = readFileSync(join(ROOT, 'Dockerfile'), 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n/g, ' ')
    .split('\n');
  const stages: Instruction[][] = [];
  for (const line of lines) {
    const [, name = '', text = ''] = /^([A-Z]+)\s+(.*)$/.exec(line) ?? [];
    if (name === 'FROM') stages.push([]);
    else if (name !== '') stages.at(-1)?.push({ name, text: text.trim() });
  }
  return stages;
}

const all = (stage: readonly Instruction[], name: string): string[] =>
  stage.filter((each) => each.name === name).map(({ text }) => text);

/** The array that an instruction in exec form ends with. */
function exec(stage: readonly Instruction[], name: string): string[] {
  const [, list = '[]'] = /(\[.*\])$/.exec(all(stage, name)[0] ?? '') ?? [];
  return JSON.parse(list) as string[];
}

/** `COPY <source>… <target>`, out of the folder that `--from` names. */
function copy(text: string, to: string, from: (stage: string | undefined) => string): void {
  const words = text.split(/\s+/);
  const stage = words[0]?.startsWith('--from=') === true ? words.shift()?.slice('--from='.length) : undefined;
  const target = words.pop() ?? '';
  for (const source of words) {
    const into = join(to, target.endsWith('/') ? join(target, basename(source)) : target);
    // The packages are not installed anew.
    if (basename(source) === 'node_modules') symlinkSync(join(ROOT, 'node_modules'), into);
    else cpSync(join(from(stage), source.replace(/^\/build\//, '')), into, { recursive: true });
  }
}

/** What .dockerignore lets through; it keeps back everything that it does not name. */
function context(folder: string): string {
  const [first, ...others] = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (first !== '*') throw new Error('.dockerignore does not begin with what keeps everything back.');
  const tests = /\.test\.tsx?$/;
  for (const line of others.filter((each) => each.startsWith('!'))) {
    cpSync(join(ROOT, line.slice(1)), join(folder, line.slice(1)), {
      recursive: true,
      filter: (path) => !tests.test(path),
    });
  }
  return folder;
}

type Environment = Readonly<Record<string, string>>;

/** The exit code. */
function run([program = '', ...args]: readonly string[], env: Environment): Promise<number> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env }, () => resolve(child.exitCode ?? -1));
  });
}

/** `folder` is an empty one. */
export async function imageWorks(folder: string): Promise<void> {
  const [build = [], , last = []] = readStages();
  const sources = context(join(folder, 'context'));
  const built = join(folder, 'build');
  mkdirSync(built);
  for (const text of all(build, 'COPY')) copy(text, built, () => sources);
  symlinkSync(join(ROOT, 'node_modules'), join(built, 'node_modules'));
  for (const text of all(build, 'RUN').filter((each) => !each.startsWith('npm install'))) {
    execFileSync('sh', ['-c', text], { cwd: built, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }

  const app = join(folder, 'app');
  mkdirSync(app);
  for (const text of all(last, 'COPY')) copy(text, app, (stage) => (stage === undefined ? sources : built));
  const words = all(last, 'ENV').flatMap((text) =>
    text.split(/\s+/).map((word) => word.split('=') as [string, string]),
  );
  const env: Environment = {
    PATH: process.env['PATH'] ?? '',
    ...Object.fromEntries(words),
    PORT: '0',
    METRICS_PORT: 'off',
    DATA_DIR: join(folder, 'data'),
    DRAIN_SECONDS: '0',
  };
  const command = [...exec(last, 'ENTRYPOINT'), ...exec(last, 'CMD')].map((word) =>
    word.replace(/^\/app\//, `${app}/`),
  );
  await lives(command, exec(last, 'HEALTHCHECK'), env, app);
}

/** It comes up, is found healthy, serves its page, and is found to be gone once it has been told to go. */
async function lives(
  [program = '', ...args]: readonly string[],
  health: readonly string[],
  env: Environment,
  cwd: string,
): Promise<void> {
  const child = spawn(program, args, { env, cwd });
  const said: string[] = [];
  let here = env;
  child.stderr.setEncoding('utf8').on('data', (text: string) => said.push(text));
  const late = setTimeout(() => child.kill('SIGKILL'), LONGEST_LIFE);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      said.push(line);
      const [, port = ''] = /^Pouchgate is at \S+:(\d+)$/.exec(line) ?? [];
      if (port === '') continue;
      here = { ...env, PORT: port };
      const found = await run(health, here);
      const page = await fetch(`http://127.0.0.1:${port}/`);
      if (found !== 0 || page.status !== 200) said.push(`Its health is ${found}, its page ${page.status}.`);
      child.kill('SIGTERM');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  } finally {
    clearTimeout(late);
  }
  const words = said.join('\n');
  if (child.exitCode !== 0 || !words.includes('Pouchgate is at') || words.includes('Its health is'))
    throw new Error(`It ended with ${child.exitCode ?? 'a signal'}:\n${words}`);
  if ((await run(health, here)) === 0) throw new Error('It is found healthy after it has gone.');
}

/** In ms. */
const LONGEST_LIFE = 20_000;
