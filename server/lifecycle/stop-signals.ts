/** The signals that stop the server: of a supervisor, of Ctrl+C, and of a terminal that is closed. */
const STOP_SIGNALS = ['SIGTERM', 'SIGINT', 'SIGHUP'] as const;
export type StopSignal = (typeof STOP_SIGNALS)[number];

/**
 * A repetition of the first signal within this time (ms) is the same request to stop: at Ctrl+C the terminal sends SIGINT to
 * every process, and npm forwards it to the server as well.
 */
const SAME_REQUEST_MS = 1_000;

export interface StopSignalOptions {
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
export function listenForStopSignals({ process, onStop, onRepeated, now }: StopSignalOptions): void {
  let first: { readonly signal: StopSignal; readonly at: number } | undefined;
  const listener = (signal: StopSignal): void => {
    if (first === undefined) {
      first = { signal, at: now() };
      onStop(signal);
    } else if (signal !== first.signal || now() - first.at >= SAME_REQUEST_MS) onRepeated(signal);
  };
  for (const signal of STOP_SIGNALS) process.on(signal, listener);
}
