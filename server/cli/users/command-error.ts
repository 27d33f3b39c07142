/** An error whose message says to the operator what to do. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
}

/** The command line is not one: exit code 2. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
}
