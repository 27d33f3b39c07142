import { connectionLimits } from '../../lifecycle/connection-limit.ts';
import { okFinding, errorFinding, type Finding } from './finding.ts';

/** Fewer than this many is what a shell gives for an evening, not what a day's users need. */
const MIN_OPEN_FILES = 2_048;

/** How many files a process that is started as this one was may open: each live user is one. */
export function evaluateOpenFiles(openFiles: number): Finding {
  if (openFiles === Number.POSITIVE_INFINITY)
    return okFinding('open files', 'This process may open any number of files.');
  const { served } = connectionLimits(openFiles);
  const summary = `This process may open ${openFiles} files, so a gate started like this serves ${served} connections`;
  return openFiles < MIN_OPEN_FILES
    ? errorFinding('open files', `${summary}; raise the limit (ulimit -n, or LimitNOFILE of a systemd unit).`)
    : okFinding('open files', `${summary}.`);
}
