/**
 * Builds what is published: the compiled library and server, and beside them the design documents, which the server reads as
 * files. Plain JavaScript, since a package is also built by npm's own prepack.
 */
import { spawnSync } from 'node:child_process';
import { chmodSync, cpSync, rmSync } from 'node:fs';

const OUT = 'dist/package';

rmSync(OUT, { recursive: true, force: true });
const { status } = spawnSync('node_modules/.bin/tsc', ['-p', 'tsconfig.package.json'], { stdio: 'inherit' });
if (status === 0) {
  cpSync('couchdb-design/user_registry', `${OUT}/couchdb-design/user_registry`, { recursive: true });
  chmodSync(`${OUT}/scripts/pouchgate.js`, 0o755);
}
process.exitCode = status ?? 1;
