import { spawn, type ChildProcess, type SpawnOptions } from 'node:child_process';
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
const leaders = new Set<number>();

/**
 * Starts a command in a new process group. A signal that ends this process is sent to every process of the group, and not only to
 * the command itself: also to Jest's workers, and to the servers that they have started.
 *
 * @param program - The program to run.
 * @param args - Its arguments.
 * @param options - Options of `spawn`, except `detached`.
 * @returns The command's process.
 */
export function spawnGroup(program: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(program, args, { ...options, detached: true });
  const { pid } = child;
  if (pid === undefined) return child;
  if (leaders.size === 0) for (const signal of SIGNALS) process.on(signal, endGroups);
  leaders.add(pid);
  child.once('exit', () => {
    leaders.delete(pid);
    if (leaders.size === 0) for (const signal of SIGNALS) process.off(signal, endGroups);
  });
  return child;
}

function endGroups(signal: NodeJS.Signals): void {
  for (const pid of leaders) {
    try {
      process.kill(-pid, signal);
    } catch {
      // The group has ended, and its exit event is pending.
    }
  }
  process.exit(128 + constants.signals[signal]);
}
