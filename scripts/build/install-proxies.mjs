/**
 * Installs nginx, HAProxy and Caddy for `npm run test:proxies`, where they are missing: `npm run install-proxies`. On Debian
 * as root, without systemd (as in a container), it uses apt-get. Elsewhere that could start them as services, so install
 * them yourself. The tests of a proxy that is not installed are skipped.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

/** The program of each package. nginx-light is the same nginx with fewer modules. */
const PACKAGES = { nginx: 'nginx-light', haproxy: 'haproxy', caddy: 'caddy' };

const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/usr/local/sbin'];
const isMissing = (program) => !FOLDERS.some((folder) => existsSync(join(folder, program)));

const missing = Object.keys(PACKAGES).filter(isMissing);
if (missing.length > 0) {
  if (process.getuid?.() === 0 && existsSync('/usr/bin/apt-get') && !existsSync('/run/systemd/system')) {
    aptGet('update', '-qq');
    aptGet('install', '-y', '-qq', '--no-install-recommends', ...missing.map((program) => PACKAGES[program]));
  }
  const left = missing.filter(isMissing);
  if (left.length > 0) console.error(`Not installed: ${left.join(', ')}. The tests of these proxies are skipped.`);
}

/** Errors are not checked here: what is missing afterwards is reported. */
function aptGet(...args) {
  spawnSync('apt-get', args, {
    stdio: ['ignore', 2, 2],
    // With this runlevel Debian's packages start no service.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', RUNLEVEL: '1' },
  });
}
