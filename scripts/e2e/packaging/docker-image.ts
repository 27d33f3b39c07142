/**
 * Checks the Dockerfile without Docker: runs its stages with this machine's Node and packages, in folders that contain only
 * the files that it copies. The result is started, checked and stopped like a container.
 */
import { MAX_WAIT_MS } from '../../../couchdb-design/testing/patience.ts';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { createInterface } from 'node:readline';

const ROOT = join(import.meta.dirname, '../../..');
const MAX_LIFETIME_MS = MAX_WAIT_MS;

interface Instruction {
  readonly name: string;
  readonly text: string;
}

/** Returns the instructions of each stage in order. Instructions before the first `FROM` are omitted. */
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

const instructionTexts = (stage: readonly Instruction[], name: string): string[] =>
  stage.filter((each) => each.name === name).map(({ text }) => text);

/** Returns the array at the end of an instruction in exec form. */
function parseExecForm(stage: readonly Instruction[], name: string): string[] {
  const [, list = '[]'] = /(\[.*\])$/.exec(instructionTexts(stage, name)[0] ?? '') ?? [];
  return JSON.parse(list) as string[];
}

/** Applies `COPY <source>… <target>`, from the folder that `--from` names. */
function applyCopy(text: string, to: string, from: (stage: string | undefined) => string): void {
  const paths = text.split(/\s+/);
  const stage = paths[0]?.startsWith('--from=') === true ? paths.shift()?.slice('--from='.length) : undefined;
  const target = paths.pop() ?? '';
  for (const source of paths) {
    const into = join(to, target.endsWith('/') ? join(target, basename(source)) : target);
    // The packages are linked instead of installed.
    if (basename(source) === 'node_modules') symlinkSync(join(ROOT, 'node_modules'), into);
    else cpSync(join(from(stage), source.replace(/^\/build\//, '')), into, { recursive: true });
  }
}

/** Copies the build context that .dockerignore allows. The file excludes everything except what it lists. */
function createBuildContext(folder: string): string {
  const [first, ...others] = readFileSync(join(ROOT, '.dockerignore'), 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'));
  if (first !== '*') throw new Error('.dockerignore does not begin with "*", which excludes everything.');
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

/** Resolves with the exit code. */
function run([program = '', ...args]: readonly string[], env: Environment): Promise<number> {
  return new Promise((resolve) => {
    const child = execFile(program, args, { env }, () => resolve(child.exitCode ?? -1));
  });
}

/** The folders of an image's build. */
export interface ImageFolders {
  /** The files of the build context. */
  readonly context: string;
  /** The file tree of the stage `build`, with the built packages. */
  readonly build: string;
}

/**
 * Runs the stage `build`.
 *
 * @param folder an empty folder
 * @returns the folders that it has created
 * @throws when the stage needs a file that the Dockerfile does not copy, or the build fails
 */
export function runBuildStage(folder: string): ImageFolders {
  const [buildStage = []] = readStages();
  const sources = createBuildContext(join(folder, 'context'));
  const buildDir = join(folder, 'build');
  mkdirSync(buildDir, { recursive: true });
  for (const text of instructionTexts(buildStage, 'COPY')) applyCopy(text, buildDir, () => sources);
  symlinkSync(join(ROOT, 'node_modules'), join(buildDir, 'node_modules'));
  for (const text of instructionTexts(buildStage, 'RUN').filter((each) => !each.startsWith('npm install'))) {
    execFileSync('sh', ['-c', text], { cwd: buildDir, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  }
  return { context: sources, build: buildDir };
}

/**
 * Builds the image's file tree, and runs its entry point.
 *
 * @param folders the folders of `runBuildStage`
 * @param folder an empty folder
 * @throws when a file is missing, or when the container does not start, report its health and stop
 */
export async function checkDockerImage({ context, build }: ImageFolders, folder: string): Promise<void> {
  const [, , finalStage = []] = readStages();
  const appDir = join(folder, 'app');
  mkdirSync(appDir);
  for (const text of instructionTexts(finalStage, 'COPY'))
    applyCopy(text, appDir, (stage) => (stage === undefined ? context : build));
  const environmentEntries = instructionTexts(finalStage, 'ENV').flatMap((text) =>
    text.split(/\s+/).map((word) => word.split('=') as [string, string]),
  );
  const env: Environment = {
    PATH: process.env['PATH'] ?? '',
    ...Object.fromEntries(environmentEntries),
    PORT: '0',
    METRICS_PORT: 'off',
    DATA_DIR: join(folder, 'data'),
    DRAIN_SECONDS: '0',
  };
  const command = [...parseExecForm(finalStage, 'ENTRYPOINT'), ...parseExecForm(finalStage, 'CMD')].map((word) =>
    word.replace(/^\/app\//, `${appDir}/`),
  );
  await checkContainerLifecycle(command, parseExecForm(finalStage, 'HEALTHCHECK'), env, appDir);
}

/** Starts the container's command, runs its health check, requests its page, stops it, and runs the health check again. */
async function checkContainerLifecycle(
  [program = '', ...args]: readonly string[],
  health: readonly string[],
  env: Environment,
  cwd: string,
): Promise<void> {
  const child = spawn(program, args, { env, cwd });
  const output: string[] = [];
  let containerEnv = env;
  child.stderr.setEncoding('utf8').on('data', (text: string) => output.push(text));
  const killTimer = setTimeout(() => child.kill('SIGKILL'), MAX_LIFETIME_MS);
  try {
    for await (const line of createInterface({ input: child.stdout })) {
      output.push(line);
      const [, port = ''] = /^Pouchgate is at \S+:(\d+)$/.exec(line) ?? [];
      if (port === '') continue;
      containerEnv = { ...env, PORT: port };
      const healthExitCode = await run(health, containerEnv);
      const page = await fetch(`http://127.0.0.1:${port}/`);
      if (healthExitCode !== 0 || page.status !== 200)
        output.push(`The health check exited with ${healthExitCode}, the page has status ${page.status}.`);
      child.kill('SIGTERM');
    }
    if (child.exitCode === null && child.signalCode === null) await once(child, 'exit');
  } finally {
    clearTimeout(killTimer);
  }
  const outputText = output.join('\n');
  if (child.exitCode !== 0 || !outputText.includes('Pouchgate is at') || outputText.includes('The health check exited'))
    throw new Error(`The server exited with ${child.exitCode ?? 'a signal'}:\n${outputText}`);
  if ((await run(health, containerEnv)) === 0)
    throw new Error('The health check succeeds after the server has stopped.');
}
