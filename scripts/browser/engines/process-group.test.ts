import { once } from 'node:events';
import type { Readable } from 'node:stream';
import { killGroup, spawnGroup } from './process-group.ts';

test('ends a process that ignores SIGTERM, and its children', async () => {
  const group = spawnGroup('/bin/sh', ['-c', 'trap "" TERM; sleep 600 & echo started >&3; wait']);
  const pipe = group.stdio[3] as Readable;
  // Both processes hold the pipe open.
  const end = once(pipe, 'end');
  await once(pipe, 'data');
  await killGroup(group);
  await end;
  expect(group.signalCode).toBe('SIGKILL');
});

test('accepts a process that has ended, and a program that does not exist', async () => {
  const ended = spawnGroup('/bin/true', []);
  await once(ended, 'exit');
  await killGroup(ended);
  await killGroup(spawnGroup('/does/not/exist', []));
});
