import { connectionLimits } from '../../lifecycle/connection-limit.ts';
import { okFinding, errorFinding, type Finding } from './finding.ts';

/** The usual limit of a shell is lower, and too low for production. */
const MIN_OPEN_FILES = 2_048;

/** Checks how many files a process with this one's limit may open. Each live user takes one. */
export function evaluateOpenFiles(openFiles: number): Finding {
  if (openFiles === Number.POSITIVE_INFINITY)
    return okFinding('open files', 'This process may open any number of files.');
  const { served } = connectionLimits(openFiles);
  const summary = `This process may open ${openFiles} files, so a gate with the same limit serves ${served} connections`;
  return openFiles < MIN_OPEN_FILES
    ? errorFinding('open files', `${summary}; raise the limit (ulimit -n, or LimitNOFILE of a systemd unit).`)
    : okFinding('open files', `${summary}.`);
}
