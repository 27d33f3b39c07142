/** What Linux tells of processes and connections under /proc, read from its text (proc(5)). */

export interface ProcessTimes {
  readonly pid: number;
  readonly parent: number;
  /** CPU time in seconds, with that of children which have ended. */
  readonly cpuSeconds: number;
}

/** USER_HZ: 100 wherever Node runs. */
const TICKS_PER_SECOND = 100;

/** `/proc/<pid>/stat`. The name, in parentheses, may hold anything. */
export function parseStat(text: string): ProcessTimes | undefined {
  const pid = Number.parseInt(text, 10);
  const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
  const ticks = [11, 12, 13, 14].reduce((sum, field) => sum + Number(fields[field]), 0);
  const parent = Number(fields[1]);
  return Number.isNaN(pid + parent + ticks) ? undefined : { pid, parent, cpuSeconds: ticks / TICKS_PER_SECOND };
}

/** The sum over a process and all below it. */
export function sumTreeCpuSeconds(pid: number, all: readonly ProcessTimes[]): number {
  const tree = new Set([pid]);
  for (let size = 0; size < tree.size;) {
    size = tree.size;
    for (const each of all) if (tree.has(each.parent)) tree.add(each.pid);
  }
  return all.reduce((sum, each) => sum + (tree.has(each.pid) ? each.cpuSeconds : 0), 0);
}

/** `VmRSS` of `/proc/<pid>/status`, in bytes. */
export function parseResidentBytes(status: string): number | undefined {
  const kibibytes = /^VmRSS:\s+(\d+) kB$/m.exec(status)?.[1];
  return kibibytes === undefined ? undefined : Number(kibibytes) * 1024;
}

/** `Max open files` of `/proc/<pid>/limits`, the soft one. */
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

/** `/proc/net/tcp` and `tcp6`: addresses and ports in hexadecimal, state 01 established, 0A listening. */
export function parseTcp(text: string): TcpSocket[] {
  return text
    .split('\n')
    .slice(1)
    .flatMap((line) => {
      const [, local = '', remote = '', state, , , , , , inode] = line.trim().split(/\s+/);
      if (inode === undefined) return [];
      const portOf = (address: string): number => Number.parseInt(address.slice(address.lastIndexOf(':') + 1), 16);
      return [
        {
          state: state === '01' ? 'established' : state === '0A' ? 'listening' : 'other',
          localPort: portOf(local),
          remotePort: portOf(remote),
          inode: Number(inode),
        },
      ];
    });
}
