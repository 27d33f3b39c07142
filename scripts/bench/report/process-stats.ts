import { readdir, readFile, readlink } from 'node:fs/promises';
import { parseOpenFilesLimit, parseResident, parseStat, parseTcp, treeSeconds, type TcpSocket } from './proc-parser.ts';

/** Files under /proc come and go with their processes: what has gone is empty. */
const text = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '');

const pids = async (): Promise<number[]> => (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid));

/** CPU time of a process and all below it so far, in seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const all = await Promise.all((await pids()).map(async (each) => parseStat(await text(`/proc/${each}/stat`))));
  return treeSeconds(
    pid,
    all.filter((each) => each !== undefined),
  );
}

/** Resident memory in bytes; NaN when there is no such process. */
export const residentBytes = async (pid: number): Promise<number> =>
  parseResident(await text(`/proc/${pid}/status`)) ?? Number.NaN;

/** How many files a process may have open. The children inherit it. */
export const openFilesLimit = async (): Promise<number> => parseOpenFilesLimit(await text('/proc/self/limits'));

const descriptors = (pid: number): Promise<string[]> => readdir(`/proc/${pid}/fd`).catch(() => []);

export const openFiles = async (pid: number): Promise<number> => (await descriptors(pid)).length;

async function sockets(): Promise<TcpSocket[]> {
  return (await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(text))).flatMap(parseTcp);
}

async function inodesOf(pid: number): Promise<ReadonlySet<number>> {
  const links = await Promise.all(
    (await descriptors(pid)).map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')),
  );
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.slice(1).map(Number) ?? []));
}

/** How many connections a process has to a port. */
export async function connectionsTo(pid: number, port: number): Promise<number> {
  const [all, own] = await Promise.all([sockets(), inodesOf(pid)]);
  return all.filter(({ state, remotePort, inode }) => state === 'established' && remotePort === port && own.has(inode))
    .length;
}

/** The process that listens on a port of this machine; undefined when it is none that we may see. */
export async function listenerOn(port: number): Promise<number | undefined> {
  const inode = (await sockets()).find((each) => each.state === 'listening' && each.localPort === port)?.inode;
  if (inode === undefined) return undefined;
  for (const pid of await pids()) if ((await inodesOf(pid)).has(inode)) return pid;
  return undefined;
}
