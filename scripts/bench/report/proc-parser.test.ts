import { parseOpenFilesLimit, parseResidentBytes, parseStat, parseTcp, sumTreeCpuSeconds } from './proc-parser.ts';

const stat = (pid: number, name: string, parent: number, ...ticks: readonly number[]): string =>
  `${pid} (${name}) S ${parent} 1 1 0 -1 4194304 1 2 3 4 ${ticks.join(' ')} 20 0 11 0 12345`;

it('includes the CPU time of exited children, whatever characters the process name has', () => {
  expect(parseStat(stat(42, 'a) S 7 (b', 7, 100, 50, 25, 25))).toEqual({ pid: 42, parent: 7, cpuSeconds: 2 });
  expect(parseStat('')).toBeUndefined();
});

it('sums the CPU time of a process and its descendants only', () => {
  const all = [
    { pid: 30, parent: 20, cpuSeconds: 4 },
    { pid: 20, parent: 10, cpuSeconds: 2 },
    { pid: 10, parent: 1, cpuSeconds: 1 },
    { pid: 11, parent: 1, cpuSeconds: 100 },
  ];
  expect(sumTreeCpuSeconds(10, all)).toBe(7);
  expect(sumTreeCpuSeconds(30, all)).toBe(4);
});

it('parses resident memory and the limit on open files', () => {
  expect(parseResidentBytes('Name:\tnode\nVmRSS:\t   2048 kB\nThreads:\t11\n')).toBe(2 * 1024 ** 2);
  expect(parseResidentBytes('')).toBeUndefined();
  expect(
    parseOpenFilesLimit('Limit  Soft Limit  Hard Limit\nMax open files            20000       30000      files\n'),
  ).toBe(20_000);
  expect(parseOpenFilesLimit('Max open files            unlimited   unlimited  files\n')).toBe(
    Number.POSITIVE_INFINITY,
  );
});

it('parses the state, ports and inode of IPv4 and IPv6 sockets', () => {
  const text = [
    '  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode',
    '   0: 0100007F:0FA0 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0        0 111 1 0000000000000000 100 0 0 10 0',
    '   1: 0100007F:8000 0100007F:1760 01 00000000:00000000 02:000004E2 00000000     0        0 222 2 0000000000000000 20 4 30 10 -1',
    '   2: 0000000000000000FFFF00000100007F:8001 0000000000000000FFFF00000100007F:1760 06 00000000:00000000 03:00000E2A 00000000     0        0 0 3 0000000000000000',
    '',
  ].join('\n');
  expect(parseTcp(text)).toEqual([
    { state: 'listening', localPort: 4_000, remotePort: 0, inode: 111 },
    { state: 'established', localPort: 32_768, remotePort: 5_984, inode: 222 },
    { state: 'other', localPort: 32_769, remotePort: 5_984, inode: 0 },
  ]);
});
