import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

it('a server exits when the process that started it is killed', async () => {
  const preload = join(__dirname, 'exit-with-parent.mjs');
  const server = "process.stdout.write('running\\n'); setInterval(() => {}, 60_000)";
  const args = JSON.stringify(['--import', preload, '-e', server]);
  const program = `require('node:child_process').spawn(process.execPath, ${args}, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })`;
  const parent = spawn(process.execPath, ['-e', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(parent.stdout, 'data');
  parent.kill('SIGKILL');
  // 'close' waits for every process that shares the output.
  expect(await once(parent, 'close')).toEqual([null, 'SIGKILL']);
});
