/**
 * `npm start`: builds the page, then runs the server in this process. The package script starts this file with `exec`, so
 * that npm's only child is this process and receives npm's signals.
 */
import { register } from 'tsx/esm/api';
import { runToEnd } from './run-to-end.mjs';
import { stopWithParent } from './stop-with-parent.mjs';

// npm forwards SIGTERM and SIGINT. SIGHUP and SIGKILL end npm without a notice to this process.
if (process.env.npm_lifecycle_event !== undefined) stopWithParent();

register();
const { applyStartFlags } = await import('../../server/config/start-flags.ts');
applyStartFlags(process.argv.slice(2));

console.log('Building the page.');
const build = ['node_modules/vite/bin/vite.js', 'build', '--config', 'client/vite.config.ts', '--logLevel', 'warn'];
const code = await runToEnd(process.execPath, build);
if (code !== 0) process.exit(code);
await import('../../server/main.ts');
