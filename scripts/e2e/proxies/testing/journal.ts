/** What the proxies, the gates, the clients and this process reported, in order of time. It is printed when a check fails. */

export interface Journal {
  /** Adds a line. `source` names the process or client that it comes from. */
  readonly record: (source: string, text: string) => void;
  /** Returns a function that adds each line of the text it receives, in pieces of any length. */
  readonly recordLines: (source: string) => (text: string) => void;
  /** Returns all lines, with their times. */
  readonly lines: () => readonly string[];
  /** Stops the measurement of this process. */
  readonly close: () => void;
}

/** Older lines are removed beyond this number. */
const MAX_LINES = 2_000;
const MAX_LINE_CHARS = 600;

/** The interval at which this process measures its own delay, in ms. */
const MEASURE_INTERVAL_MS = 100;
/** A longer delay of this process, in ms, is recorded. It shows that a failure may be due to this process, not to a proxy or a gate. */
const MIN_DELAY_MS = 500;

export function createJournal(): Journal {
  const lines: string[] = [];
  const record = (source: string, text: string): void => {
    lines.push(`${new Date().toISOString().slice(11, 23)} ${source}: ${text.slice(0, MAX_LINE_CHARS)}`);
    if (lines.length > MAX_LINES) lines.shift();
  };
  let expectedAt = performance.now() + MEASURE_INTERVAL_MS;
  const timer = setInterval(() => {
    const lateMs = performance.now() - expectedAt;
    if (lateMs > MIN_DELAY_MS) record('this process', `did not run for ${Math.round(lateMs)} ms`);
    expectedAt = performance.now() + MEASURE_INTERVAL_MS;
  }, MEASURE_INTERVAL_MS);
  timer.unref();
  return {
    record,
    recordLines: (source) => {
      let rest = '';
      return (text) => {
        const parts = (rest + text).split('\n');
        rest = parts.pop() ?? '';
        for (const line of parts) if (line.trim() !== '') record(source, line);
      };
    },
    lines: () => lines,
    close: () => clearInterval(timer),
  };
}
