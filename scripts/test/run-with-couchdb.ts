/**
 * Runs every test that uses a database, and the browser checks, against the CouchDB of `COUCHDB_URL`:
 * `npm run test:couchdb [-- Jest's arguments]`. The tests create their own databases and accounts.
 */
import { connect } from '../../server/upstream/client.ts';
import { spawnGroup } from './spawn-group.ts';

/** The tests share one CouchDB. Its password hashing alone keeps one core busy; the nodes of a cluster keep two busy. */
const WORKERS = (process.env['COUCHDB_NODES'] ?? '') === '' ? 2 : 1;

/** Tests of the embedded engine, and tests without a database. */
const EXCLUDED = [
  '/node_modules/',
  '/scripts/bench/',
  '/scripts/test/',
  '/server/upstream/embedded/',
  '/couchdb-design/',
];

/** This test kills nodes, so it runs alone. */
const CLUSTER_TEST = '/scripts/e2e/resilience/cluster\\.test\\.ts$';

async function main(args: readonly string[]): Promise<number> {
  const { COUCHDB_URL: url = '', COUCHDB_USER: username = '', COUCHDB_PASSWORD: password = '' } = process.env;
  if (url === '') {
    console.error(
      'COUCHDB_URL is not set. Set it to the URL of a CouchDB 3, and COUCHDB_USER and COUCHDB_PASSWORD to a server admin.',
    );
    return 1;
  }
  try {
    await connect({ url: url.replace(/\/+$/, ''), username, password }).db.list();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    console.error(
      `The CouchDB at COUCHDB_URL does not respond, or COUCHDB_USER is not a server admin of it: ${reason}`,
    );
    return 1;
  }
  const jest = (...more: readonly string[]): Promise<number> => run(['jest', '--testPathIgnorePatterns', ...more]);
  if (args.length > 0) return await jest(...EXCLUDED, `--maxWorkers=${WORKERS}`, ...args);
  const tests = await jest(...EXCLUDED, CLUSTER_TEST, `--maxWorkers=${WORKERS}`);
  const clusterTest = await jest(...EXCLUDED, '--testPathPatterns', CLUSTER_TEST);
  const page = await run(['vite', 'build', '--config', 'client/vite.config.ts', '--logLevel', 'warn']);
  return tests + clusterTest + page + (await run(['tsx', 'scripts/browser/run.ts']));
}

/** Runs a command and resolves with its exit code. */
function run([program = '', ...args]: readonly string[]): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawnGroup(program, args, { stdio: ['ignore', 'inherit', 'inherit'] });
    child.once('error', reject);
    child.once('close', (code) => resolve(code ?? 1));
  });
}

process.exitCode = Math.min(await main(process.argv.slice(2)), 1);
