/** Child processes that are ended together with the processes that they have started. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The leaders of the running groups. */
const leaders = new Set<ChildProcess>();

process.once('exit', () => {
  for (const leader of leaders) signalGroup(leader);
});

/** Starts a program as the leader of a process group of its own. The group ends with this process at the latest. */
export function spawnGroup(
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv = process.env,
): ChildProcess {
  const child = spawn(program, args, { detached: true, stdio: ['ignore', 'ignore', 'ignore', 'pipe'], env });
  // Without a listener a failed start would be an uncaught exception. It shows as an early exit instead.
  child.on('error', () => undefined);
  leaders.add(child);
  return child;
}

/** Kills a process group by the process that leads it, and waits until that process has ended. */
export async function killGroup(leader: ChildProcess): Promise<void> {
  leaders.delete(leader);
  if (leader.pid === undefined) return;
  const hasEnded = leader.exitCode !== null || leader.signalCode !== null;
  const end = hasEnded ? undefined : once(leader, 'exit');
  signalGroup(leader);
  await end;
}

function signalGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL');
  } catch {
    // No process of the group is left.
  }
}
