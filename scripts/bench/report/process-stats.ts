import { readdir, readFile, readlink } from 'node:fs/promises';
import {
  parseOpenFilesLimit,
  parseResidentBytes,
  parseStat,
  parseTcp,
  sumTreeCpuSeconds,
  type TcpSocket,
} from './proc-parser.ts';

/** Files under /proc come and go with their processes: what has gone is empty. */
const readProcFile = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '');

const listPids = async (): Promise<number[]> =>
  (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid));

/** CPU time of a process and all below it so far, in seconds. */
export async function cpuSeconds(pid: number): Promise<number> {
  const all = await Promise.all(
    (await listPids()).map(async (each) => parseStat(await readProcFile(`/proc/${each}/stat`))),
  );
  return sumTreeCpuSeconds(
    pid,
    all.filter((each) => each !== undefined),
  );
}

/** Resident memory in bytes; NaN when there is no such process. */
export const residentBytes = async (pid: number): Promise<number> =>
  parseResidentBytes(await readProcFile(`/proc/${pid}/status`)) ?? Number.NaN;

/** How many files a process may have open. The children inherit it. */
export const openFilesLimit = async (): Promise<number> => parseOpenFilesLimit(await readProcFile('/proc/self/limits'));

const listDescriptors = (pid: number): Promise<string[]> => readdir(`/proc/${pid}/fd`).catch(() => []);

export const countOpenFiles = async (pid: number): Promise<number> => (await listDescriptors(pid)).length;

async function listSockets(): Promise<TcpSocket[]> {
  return (await Promise.all(['/proc/net/tcp', '/proc/net/tcp6'].map(readProcFile))).flatMap(parseTcp);
}

async function listSocketInodes(pid: number): Promise<ReadonlySet<number>> {
  const links = await Promise.all(
    (await listDescriptors(pid)).map((name) => readlink(`/proc/${pid}/fd/${name}`).catch(() => '')),
  );
  return new Set(links.flatMap((link) => /^socket:\[(\d+)\]$/.exec(link)?.slice(1).map(Number) ?? []));
}

/** How many connections a process has to a port. */
export async function countConnections(pid: number, port: number): Promise<number> {
  const [all, own] = await Promise.all([listSockets(), listSocketInodes(pid)]);
  return all.filter(({ state, remotePort, inode }) => state === 'established' && remotePort === port && own.has(inode))
    .length;
}

/** The process that listens on a port of this machine; undefined when it is none that we may see. */
export async function findListener(port: number): Promise<number | undefined> {
  const inode = (await listSockets()).find((each) => each.state === 'listening' && each.localPort === port)?.inode;
  if (inode === undefined) return undefined;
  for (const pid of await listPids()) if ((await listSocketInodes(pid)).has(inode)) return pid;
  return undefined;
}
