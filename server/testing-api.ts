/**
 * A whole Pouchgate for an application's own tests: `import { startTestPouchgate } from 'pouchgate/testing'`. It runs in a
 * process of its own, so that it does not matter what a test runner makes of modules; that process goes with this one.
 */
import { fork } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import jwt from 'jsonwebtoken';

/** What the process tells once it runs. */
export interface StartedForTests {
  readonly url: string;
  readonly username: string;
  readonly password: string;
  readonly registry: string;
}

/** A stand-in for CouchDB in memory, on a loopback port of its own. */
export interface TestCouchdb {
  /** To be given to `createPouchgate` as `couchdb`. */
  readonly access: { readonly url: string; readonly username: string; readonly password: string };
  readonly close: () => Promise<void>;
}

export interface TestPouchgate {
  /** The server's origin, on a loopback port that the system chose. */
  readonly url: string;
  /** What PouchDB and `createPreferencesStore` replicate with. */
  readonly database: string;
  /** An access token of this user, good for an hour. No account is needed; their document is made at first use. */
  readonly token: (username: string) => string;
  readonly close: () => Promise<void>;
}

/** Rejects with what the process said when it does not start. */
export async function startTestCouchdb(): Promise<TestCouchdb> {
  const { started, close } = await startProcess('couchdb', {});
  const { url, username, password } = started;
  return { access: { url, username, password }, close };
}

/**
 * Starts a server on a stand-in for CouchDB in memory: nothing is left when it is closed. `env` goes over its environment (see
 * README, "Configuration"). Rejects with what the process said when it does not start.
 */
export async function startTestPouchgate(env: Readonly<Record<string, string>> = {}): Promise<TestPouchgate> {
  const secret = randomBytes(32).toString('base64url');
  const { started, close } = await startProcess('pouchgate', {
    JWT_SECRET: secret,
    REGISTRATION: 'open',
    LOG_LEVEL: 'silent',
    PORT: '0',
    METRICS_PORT: 'off',
    DRAIN_SECONDS: '0',
    ...env,
  });
  return {
    url: started.url,
    database: `${started.url}/sync/${started.registry}`,
    token: (sub) => jwt.sign({ sub }, env['JWT_SECRET'] ?? secret, { expiresIn: '1h' }),
    close,
  };
}

interface ServerProcess {
  readonly started: StartedForTests;
  readonly close: () => Promise<void>;
}

async function startProcess(
  kind: 'couchdb' | 'pouchgate',
  env: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  // The sources are run as they are; what is published is compiled.
  const isSource = import.meta.filename.endsWith('.ts');
  const program = join(import.meta.dirname, `testing-api-process.${isSource ? 'ts' : 'js'}`);
  const child = fork(program, [kind], {
    env: { PATH: process.env['PATH'], ...env },
    execArgv: isSource ? ['--import', 'tsx'] : [],
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let stderr = '';
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const exited = once(child, 'exit');
  const failed = exited.then(() => {
    throw new Error(`Pouchgate did not start: ${stderr}`);
  });
  failed.catch(() => undefined);
  const [started] = (await Promise.race([once(child, 'message'), failed])) as [StartedForTests];
  return {
    started,
    close: async () => {
      if (child.connected) child.disconnect();
      await exited;
    },
  };
}
