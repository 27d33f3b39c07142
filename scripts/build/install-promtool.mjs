/**
 * Installs promtool, Prometheus' own checker of metrics and alerting rules, where it is missing: `npm run install-promtool`. On
 * Debian as root, without systemd (as in a container), it uses apt-get. Elsewhere, install it yourself. The tests that need it are
 * skipped otherwise.
 */
import { installPrograms } from './debian-packages.mjs';

const missing = installPrograms({ promtool: 'prometheus' });
if (missing.length > 0) console.error('Not installed: promtool. The tests of metrics and alerting rules are skipped.');
