import { spawn } from 'node:child_process';
import { connect } from '../../server/upstream/client.ts';

/**
 * Runs every test that has a database, and the browser checks, against the CouchDB of `COUCHDB_URL`:
 * `npm run test:couchdb [-- what Jest takes]`. The tests keep to databases and accounts of their own.
 */

/** They share one CouchDB, whose password hashing alone keeps a core busy; the nodes of a cluster keep two. */
const MAX_WORKERS = (process.env['COUCHDB_NODES'] ?? '') === '' ? 2 : 1;

/** What is about the embedded engine, or about nothing that has a database. */
const IGNORED_PATHS = ['/node_modules/', '/scripts/bench/', '/server/upstream/embedded/', '/couchdb-design/'];

/** It kills nodes, so nothing else may be at work on them. */
const CLUSTER_TEST_PATTERN = '/scripts/cluster\\.test\\.ts$';

async function main(args: readonly string[]): Promise<number> {
  const { COUCHDB_URL: url = '', COUCHDB_USER: username = '', COUCHDB_PASSWORD: password = '' } = process.env;
  if (url === '') {
    console.error(
      'COUCHDB_URL is not set: give the URL of a CouchDB 3, and a server admin as COUCHDB_USER and COUCHDB_PASSWORD.',
    );
    return 1;
  }
  try {
    await connect({ url: url.replace(/\/+$/, ''), username, password }).db.list();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(
      `The CouchDB of COUCHDB_URL does not take COUCHDB_USER for its server admin, or does not answer: ${reason}`,
    );
    return 1;
  }
  // Where Jest works in one process, as it does with one worker, PouchDB's databases in memory would keep that alive.
  const runJest = (...more: readonly string[]): Promise<number> =>
    run(['jest', '--forceExit', '--testPathIgnorePatterns', ...more]);
  if (args.length > 0) return await runJest(...IGNORED_PATHS, `--maxWorkers=${MAX_WORKERS}`, ...args);
  const together = await runJest(...IGNORED_PATHS, CLUSTER_TEST_PATTERN, `--maxWorkers=${MAX_WORKERS}`);
  const tests = together + (await runJest(...IGNORED_PATHS, '--testPathPatterns', CLUSTER_TEST_PATTERN));
  const page = await run(['vite', 'build', '--config', 'client/vite.config.ts', '--logLevel', 'warn']);
  return tests + page + (await run(['tsx', 'scripts/browser/run.ts']));
}

/** Resolves with the exit code. */
function run([program = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: 'inherit' });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

process.exitCode = Math.min(await main(process.argv.slice(2)), 1);
