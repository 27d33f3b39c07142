/**
 * Builds the published package into dist/package: the compiled library and server, and the design documents, which the
 * server reads as files. Plain JavaScript, because npm's own prepack runs it, too.
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
