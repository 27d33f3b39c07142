/**
 * The characters of ids that clients, proxies and tracing tools generate: UUIDs, hexadecimal digits, base64. None of them has a
 * meaning in a header, in a URL's log line, or in a terminal.
 */
const REQUEST_ID = /^[A-Za-z0-9._:/+=-]{1,128}$/;

/**
 * Parses the id that a client or a proxy has given a request.
 *
 * @param value - The value of `X-Request-Id`. Node joins repeated headers with a comma, which makes them invalid.
 * @returns The id, or `undefined` if it is missing or invalid. An invalid id is replaced and never logged.
 */
export function parseRequestId(value: unknown): string | undefined {
  return typeof value === 'string' && REQUEST_ID.test(value) ? value : undefined;
}

/** Printable ASCII, with spaces. */
const APPLICATION_ID = /^[\x20-\x7e]{1,128}$/;

/**
 * Whether the id that an application has given a request can be logged, and sent to the database. Any other one stays in the
 * response only: it may have control characters for the terminal of whoever reads the log, and 16 kB.
 */
export const isApplicationId = (value: unknown): value is string =>
  typeof value === 'string' && APPLICATION_ID.test(value);
