/** What every command of `pouchgate` takes. */
export interface CommandOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints a line of output. */
  readonly print: (line: string) => void;
  /** Prints a line about an error or a warning. */
  readonly printError: (line: string) => void;
}
