import pino, { type Logger } from 'pino';
import { eventually } from './fake-couchdb.ts';

export interface LogLine {
  readonly level: number;
  readonly msg: string;
  readonly [field: string]: unknown;
}

/** A log whose lines tests can read. */
export interface RecordedLog {
  readonly log: Logger;
  readonly lines: readonly LogLine[];
  /** Everything that was written. */
  readonly text: string;
  /** Resolves with the first line that has these fields. */
  waitForLine(fields: Readonly<Record<string, unknown>>): Promise<LogLine>;
}

export function createRecordedLog(level = 'debug'): RecordedLog {
  const lines: LogLine[] = [];
  let text = '';
  const find = (fields: Readonly<Record<string, unknown>>): LogLine | undefined =>
    lines.find((line) => Object.entries(fields).every(([name, value]) => line[name] === value));
  return {
    log: pino(
      { level, base: null, timestamp: false },
      {
        write: (line: string) => {
          text += line;
          lines.push(JSON.parse(line) as LogLine);
        },
      },
    ),
    lines,
    get text() {
      return text;
    },
    async waitForLine(fields) {
      await eventually(() => find(fields) !== undefined);
      const line = find(fields);
      if (line === undefined) throw new Error('The line has disappeared.');
      return line;
    },
  };
}
