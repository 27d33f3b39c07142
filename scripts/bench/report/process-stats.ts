import { readdir, readFile, readlink } from 'node:fs/promises';
import {
  findTree,
  parseOpenFilesLimit,
  parseResidentBytes,
  parseStat,
  parseTcp,
  sumTreeCpuSeconds,
  type ProcessTimes,
  type TcpSocket,
} from './proc-parser.ts';

/** Resolves with an empty string if the file does not exist, as after its process has exited. */
const readProcFile = (path: string): Promise<string> => readFile(path, 'latin1').catch(() => '');

const listPids = async (): Promise<number[]> =>
  (await readdir('/proc')).map(Number).filter((pid) => Number.isInteger(pid));

async function listProcesses(): Promise<ProcessTimes[]> {
  const all = await Promise.all(
    (await listPids()).map(async (each) => parseStat(await readProcFile(`/proc/${each}/stat`))),
  );
  return all.filter((each) => each !== undefined);
}

/** Resolves with the ids of a process and its descendants. */
export const listTree = async (pid: number): Promise<number[]> => [...findTree(pid, await listProcesses())];

/** Resolves with the ids of the processes that a process has started. */
export const listChildren = async (pid: number): Promise<number[]> =>
  (await listProcesses()).filter(({ parent }) => parent === pid).map((each) => each.pid);

/** Resolves with the CPU time of a process and its descendants so far, in seconds. */
export const cpuSeconds = async (pid: number): Promise<number> => sumTreeCpuSeconds(pid, await listProcesses());

/** Resolves with the resident memory in bytes, or with NaN if the process does not exist. */
export const residentBytes = async (pid: number): Promise<number> =>
  parseResidentBytes(await readProcFile(`/proc/${pid}/status`)) ?? Number.NaN;

/** Resolves with the resident memory of a process and its descendants, in bytes. */
export async function treeResidentBytes(pid: number): Promise<number> {
  const all = await Promise.all((await listTree(pid)).map(residentBytes));
  return all.reduce((sum, bytes) => sum + (Number.isNaN(bytes) ? 0 : bytes), 0);
}

/** Resolves with the limit on open files of this process, which its children inherit. */
export const openFilesLimit = async (): Promise<number> => parseOpenFilesLimit(await readProcFile('/proc/self/limits'));

const listDescriptors = (pid: number): Promise<string[]> => readdir(`/proc/${pid}/fd`).catch(() => []);

/** Resolves with the number of open files of a process, or with 0 if it does not exist. */
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

/** Resolves with the number of connections from a process to a remote port. */
export async function countConnections(pid: number, port: number): Promise<number> {
  const [all, own] = await Promise.all([listSockets(), listSocketInodes(pid)]);
  return all.filter(({ state, remotePort, inode }) => state === 'established' && remotePort === port && own.has(inode))
    .length;
}

/** Resolves with the id of the process listening on a local port, or with `undefined` if it is not visible. */
export async function findListener(port: number): Promise<number | undefined> {
  const inode = (await listSockets()).find((each) => each.state === 'listening' && each.localPort === port)?.inode;
  if (inode === undefined) return undefined;
  for (const pid of await listPids()) if ((await listSocketInodes(pid)).has(inode)) return pid;
  return undefined;
}
