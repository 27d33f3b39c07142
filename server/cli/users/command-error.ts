/** An error whose message is for the operator. */
export class CommandError extends Error {
  override readonly name: string = 'CommandError';
}

/** An invalid command line. Its exit code is 2. */
export class UsageError extends CommandError {
  override readonly name = 'UsageError';
}
