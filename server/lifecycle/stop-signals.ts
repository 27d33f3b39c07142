import { closeSync, openSync } from 'node:fs';

/** The signals that can stop the server: of a supervisor, of Ctrl+C, and of a terminal that is closed. */
export const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/** Returns the signals that stop this process. Without a terminal, SIGHUP is a request to reload, as of `systemctl reload`. */
export const stopSignals = (): readonly StopSignal[] => (hasTerminal() ? STOP_SIGNALS : ['SIGTERM', 'SIGINT']);

/** Returns whether this process has a controlling terminal. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync('/dev/tty', 'r'));
    return true;
  } catch {
    return false;
  }
}

/**
 * A repetition of the first signal within this time (ms) is the same request to stop: at Ctrl+C the terminal sends SIGINT to
 * every process, and npm forwards it to the server as well.
 */
const SAME_REQUEST_MS = 1_000;

/**
 * People do not send these, and one request may send both: a terminal that is closed sends SIGHUP to every process, and
 * `npm start` sends SIGTERM to the server once npm has ended. systemd sends SIGHUP after SIGTERM (`SendSIGHUP=`).
 */
const isSentByProgram = (signal: StopSignal): boolean => signal !== 'SIGINT';

export interface StopSignalOptions {
  /** Default: all of `STOP_SIGNALS`. */
  readonly signals?: readonly StopSignal[];
  /** The process, or another emitter of its signals. */
  readonly process: { readonly on: (signal: StopSignal, listener: (signal: StopSignal) => void) => unknown };
  /** Called at the first signal. */
  readonly onStop: (signal: StopSignal) => void;
  /** Called at every further signal. */
  readonly onRepeated: (signal: StopSignal) => void;
  /** Returns the time in ms. */
  readonly now: () => number;
}

/** Listens for signals that stop the server, and distinguishes the first request from later ones. */
export function listenForStopSignals({
  signals = STOP_SIGNALS,
  process,
  onStop,
  onRepeated,
  now,
}: StopSignalOptions): void {
  let first: { readonly signal: StopSignal; readonly at: number } | undefined;
  const listener = (signal: StopSignal): void => {
    if (first === undefined) {
      first = { signal, at: now() };
      onStop(signal);
      return;
    }
    const isSameKind = signal === first.signal || (isSentByProgram(signal) && isSentByProgram(first.signal));
    if (!isSameKind || now() - first.at >= SAME_REQUEST_MS) onRepeated(signal);
  };
  for (const signal of signals) process.on(signal, listener);
}
