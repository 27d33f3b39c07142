import pino, { type DestinationStream, type Logger } from 'pino';
import type { Config } from '../config/config.ts';
import { printableText } from '../lib/printable-text.ts';

/**
 * Members that are redacted wherever they occur. Log fields are chosen one by one and include none of them. This is a
 * safeguard in case a whole object is logged by mistake.
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
/** Pino's paths need one wildcard per level, so this is the depth of the redaction. */
const PATH_PREFIXES = ['', '*.', '*.*.', '*.*.*.'];

const pathsTo = (member: string): string[] =>
  PATH_PREFIXES.map((prefix) => (member.includes('-') ? `${prefix.slice(0, -1)}["${member}"]` : `${prefix}${member}`));

/** Creates the server's log: one JSON object per line. `destination` defaults to standard output. */
export function createLog(level: Config['logLevel'], destination?: DestinationStream): Logger {
  const options = {
    level,
    redact: { paths: SECRET_MEMBERS.flatMap(pathsTo), censor: '[secret]' },
    serializers: { err: describeError },
    // A reason of the database or a message of an error may quote what a user wrote, and people read logs in terminals.
    hooks: { streamWrite: printableText },
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

/** Bounds a circular chain of causes. */
const MAX_CAUSE_DEPTH = 3;

/**
 * Serialises an error for the log, with the named members only: an error of nano contains the whole request, and so the
 * document that was being written, and the password if that is an account.
 */
function describeError(error: unknown, depth = 0): DescribedError {
  if (!(error instanceof Error)) return { type: typeof error, message: 'The thrown value is not an Error.' };
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
