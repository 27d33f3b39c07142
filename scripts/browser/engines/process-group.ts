/** Child processes that are ended together with the processes that they have started. */
import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';

/** The leaders of the running groups. They end with this process at the latest. */
const leaders = new Set<ChildProcess>();

/** The launches by libraries that are in progress. */
const launches = new Set<Promise<unknown>>();

process.once('exit', () => {
  for (const leader of leaders) signalGroup(leader);
});

/** Starts a program as the leader of a new process group. */
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

/** Adds the group of a process that a library starts: `leaderOf` returns its leader. */
export async function launchGroup<T>(launch: Promise<T>, leaderOf: (launched: T) => ChildProcess | null): Promise<T> {
  const added = launch.then((launched) => {
    const leader = leaderOf(launched);
    if (leader !== null) leaders.add(leader);
    return launched;
  });
  launches.add(added);
  try {
    return await added;
  } finally {
    launches.delete(added);
  }
}

/** Kills all groups, also those that are being launched. */
export async function killAllGroups(): Promise<void> {
  await Promise.allSettled(launches);
  await Promise.all([...leaders].map(killGroup));
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
