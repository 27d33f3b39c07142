import { mostConnections } from '../../lifecycle/connection-limit.ts';
import { good, wrong, type Finding } from './finding.ts';

/** Fewer than this many is what a shell gives for an evening, not what a day's users need. */
const LEAST_FILES = 2_048;

/** How many files a process that is started as this one was may open: each live user is one. */
export function judgeOpenFiles(openFiles: number): Finding {
  if (openFiles === Number.POSITIVE_INFINITY) return good('open files', 'This process may open any number of files.');
  const { served } = mostConnections(openFiles);
  const so = `This process may open ${openFiles} files, so a gate started like this serves ${served} connections`;
  return openFiles < LEAST_FILES
    ? wrong('open files', `${so}; raise the limit (ulimit -n, or LimitNOFILE of a systemd unit).`)
    : good('open files', `${so}.`);
}
