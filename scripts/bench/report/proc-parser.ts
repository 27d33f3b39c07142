/** Parsers for the text files of Linux's /proc about processes and connections (proc(5)). */

export interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  /** CPU time in seconds, including that of exited children. */
  readonly cpuSeconds: number;
}

/** USER_HZ, which is 100 on every platform Node supports. */
const TICKS_PER_SECOND = 100;

/** Parses `/proc/<pid>/stat`. The process name, in parentheses, may contain any character. */
export function parseStat(text: string): ProcessTimes | undefined {
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
  const parent = Number(fields[1]);
  return Number.isNaN(pid + parent + ticks) ? undefined : { pid, parent, cpuSeconds: ticks / TICKS_PER_SECOND };
}

/** Returns the ids of a process and all its descendants. */
export function findTree(pid: number, all: readonly ProcessTimes[]): ReadonlySet<number> {
  const tree = new Set([pid]);
  for (let size = 0; size < tree.size;) {
    size = tree.size;
    for (const each of all) if (tree.has(each.parent)) tree.add(each.pid);
  }
  return tree;
}

/** Sums the CPU time of a process and all its descendants. */
export function sumTreeCpuSeconds(pid: number, all: readonly ProcessTimes[]): number {
  const tree = findTree(pid, all);
  return all.reduce((sum, each) => sum + (tree.has(each.pid) ? each.cpuSeconds : 0), 0);
}

/** Returns `VmRSS` of `/proc/<pid>/status` in bytes. */
export function parseResidentBytes(status: string): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** Returns the soft limit `Max open files` of `/proc/<pid>/limits`. */
export function parseOpenFilesLimit(limits: string): number {
  const limit = /^Max open files\s+(\S+)/m.exec(limits)?.[1];
  return limit === 'unlimited' ? Number.POSITIVE_INFINITY : Number(limit ?? 1_024);
}

export interface TcpSocket {
  readonly state: 'established' | 'listening' | 'other';
  readonly localPort: number;
  readonly remotePort: number;
  readonly inode: number;
}

/** Parses `/proc/net/tcp` and `tcp6`. Ports are hexadecimal; state 01 is established, 0A listening. */
export function parseTcp(text: string): TcpSocket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', remote = '', state, , , , , , inode] = line.trim().split(/\s+/);
      if (inode === undefined) return [];
      const parsePort = (address: string): number => Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);
      return [
        {
          state: state === '01' ? 'established' : state === '0A' ? 'listening' : 'other',
          localPort: parsePort(local),
          remotePort: parsePort(remote),
          inode: Number(inode),
        },
      ];
    });
}
