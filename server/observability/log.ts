import pino, { type DestinationStream, type Logger } from 'pino';
import type { Config } from '../config/config.ts';

/**
 * Members that are secrets wherever they stand. What is logged is chosen field by field and holds none of them; this is
 * for the day when somebody logs a whole object.
 */
const SECRET_MEMBERS = [
  'authorization',
  'cookie',
  'set-cookie',
  'password',
  'token',
  'accessToken',
  'refreshToken',
  'secret',
  'body',
];
/** How deep pino looks for them: its paths have a wildcard for one level at a time. */
const PATH_PREFIXES = ['', '*.', '*.*.', '*.*.*.'];

const pathsTo = (member: string): string[] =>
  PATH_PREFIXES.map((prefix) => (member.includes('-') ? `${prefix.slice(0, -1)}["${member}"]` : `${prefix}${member}`));

/** The server's log: JSON lines, to the standard output unless given another place. */
export function createLog(level: Config['logLevel'], destination?: DestinationStream): Logger {
  const options = {
    level,
    redact: { paths: SECRET_MEMBERS.flatMap(pathsTo), censor: '[secret]' },
    serializers: { err: describeError },
  };
  return destination === undefined ? pino(options) : pino(options, destination);
}

interface DescribedError {
  readonly type: string;
  readonly message: string;
  readonly stack?: string | undefined;
  readonly code?: string | number | undefined;
  readonly status?: number | undefined;
  readonly cause?: DescribedError | undefined;
}

/** Deeper, a chain of causes is a circle. */
const MAX_CAUSE_DEPTH = 3;

/**
 * What the log says of an error. Only what is named here: an error of nano's carries the whole request, with the document
 * that was to be written, and the password in it when that is an account.
 */
export function describeError(error: unknown, depth = 0): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'Something that is no error was thrown.' };
  const { code, statusCode, cause } = error as { code?: unknown; statusCode?: unknown; cause?: unknown };
  return {
    type: error.name,
    message: error.message,
    stack: error.stack,
    ...(typeof code === 'string' || typeof code === 'number' ? { code } : {}),
    ...(typeof statusCode === 'number' ? { status: statusCode } : {}),
    ...(cause instanceof Error && depth < MAX_CAUSE_DEPTH ? { cause: describeError(cause, depth + 1) } : {}),
  };
}
