/** Plain JavaScript, because `npm start` imports it before it registers the TypeScript loader. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { constants } from 'node:os';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'];

/**
 * Runs a command and forwards the signals that this process receives to it.
 *
 * @param {string} command - The program.
 * @param {readonly string[]} args - Its arguments.
 * @returns {Promise<number>} Its exit code. After a forwarded signal it is 128 plus the signal's number, as in a shell.
 */
export async function runToEnd(command, args) {
  const child = spawn(command, args, { stdio: 'inherit' });
  let received;
  const forward = (signal) => {
    received = signal;
    child.kill(signal);
  };
  for (const signal of SIGNALS) process.on(signal, forward);
  try {
    const [code, signal] = await once(child, 'exit');
    const cause = received ?? signal;
    return cause === undefined || cause === null ? code : 128 + constants.signals[cause];
  } finally {
    for (const signal of SIGNALS) process.off(signal, forward);
  }
}
