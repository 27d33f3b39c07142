/**
 * Installs nginx, HAProxy and Caddy for `npm run test:proxies`, where they are missing: `npm run install-proxies`. On Debian
 * as root, without systemd (as in a container), it uses apt-get. Elsewhere that could start them as services, so install
 * them yourself. The tests of a proxy that is not installed are skipped.
 */
import { installPrograms } from './debian-packages.mjs';

/** nginx-light is the same nginx with fewer modules. */
const missing = installPrograms({ nginx: 'nginx-light', haproxy: 'haproxy', caddy: 'caddy' });
if (missing.length > 0) console.error(`Not installed: ${missing.join(', ')}. The tests of these proxies are skipped.`);
