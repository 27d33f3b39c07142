/** Starts a group of two processes that run until a signal ends them. */
import { spawnGroup } from '../spawn-group.ts';

const grandchild = "process.stdout.write('running\\n'); setInterval(() => {}, 60_000)";
const child = `require('node:child_process').spawn(process.execPath, ['-e', ${JSON.stringify(grandchild)}], { stdio: 'inherit' })`;
spawnGroup(process.execPath, ['-e', child], { stdio: ['ignore', 'inherit', 'inherit'] });
