import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

it.each([
  ['SIGTERM', 143],
  ['SIGINT', 130],
  ['SIGHUP', 129],
] as const)('%s to the test command ends the processes of its checks as well', async (signal, expectedCode) => {
  const program = join(__dirname, 'testing/spawns-a-tree.ts');
  const command = spawn(process.execPath, ['--import', 'tsx', program], { stdio: ['ignore', 'pipe', 'inherit'] });
  await once(command.stdout, 'data');
  command.kill(signal);
  // 'close' waits for every process that shares the output.
  expect(await once(command, 'close')).toEqual([expectedCode, null]);
});
