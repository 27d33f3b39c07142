import { getString, isObject } from '../lib/json.ts';

/** Why CouchDB failed a request. For the log only: none of it is sent to a client. */
export interface UpstreamFailure {
  /** The status of CouchDB's response; `undefined` if there was none. */
  readonly status: number | undefined;
  /** CouchDB's `error` and `reason`, or why there was no response. */
  readonly reason: string | undefined;
  /** The id by which CouchDB's log names the request (`X-Couch-Request-ID`). */
  readonly requestId?: string | undefined;
}

const MAX_REASON_CHARS = 200;
/** CouchDB's codes are Erlang atoms. */
const ERROR_CODE = /^[a-z][a-z0-9_]{0,59}$/i;
/**
 * The characters of CouchDB's own sentences. Any other one may start a quotation: the reason of a status 500 can be an Erlang term
 * with parts of a document, and that of `validate_doc_update` names a field.
 */
const SENTENCE = /^[A-Za-z0-9 .,;/_-]*/;
/** CouchDB's ids have ten hexadecimal digits. A proxy in front of it may set others. */
const COUCH_REQUEST_ID = /^[A-Za-z0-9._-]{1,64}$/;

/**
 * Describes CouchDB's response to a failed request.
 *
 * @param status - The status of the response.
 * @param body - The parsed body, of which only the members `error` and `reason` are read; `undefined` if it is not JSON.
 * @param requestId - The header `X-Couch-Request-ID`.
 * @returns Its status, and its reason up to the first character that could start a quotation of a document.
 */
export function describeFailedResponse(status: number, body: unknown, requestId?: unknown): UpstreamFailure {
  return { status, reason: readReason(body), requestId: parseCouchRequestId(requestId) };
}

/** Describes a request without a response by the code of the error, such as `ECONNREFUSED`. Its message names an address. */
export const describeMissingResponse = (error: unknown): UpstreamFailure => ({
  status: undefined,
  reason: readErrorCode(error),
});

function readReason(body: unknown): string | undefined {
  if (body === undefined) return 'not JSON';
  const [error, reason] = [getString(body, 'error'), getString(body, 'reason')];
  const parts = [
    error !== undefined && ERROR_CODE.test(error) ? error : undefined,
    SENTENCE.exec(reason?.slice(0, MAX_REASON_CHARS) ?? '')?.[0].trim(),
  ];
  const text = parts.filter((part) => part !== undefined && part !== '').join(': ');
  return text === '' ? undefined : text;
}

const parseCouchRequestId = (value: unknown): string | undefined =>
  typeof value === 'string' && COUCH_REQUEST_ID.test(value) ? value : undefined;

/** Bounds a circular chain of causes. */
const MAX_CAUSE_DEPTH = 4;
/** nano puts the cause into the message: `Reason: Error: connect ECONNREFUSED 127.0.0.1:5984`. */
const CODE_IN_MESSAGE = /\b(?:E[A-Z]{4,20}|UND_ERR_[A-Z_]{1,40}|[A-Z][A-Za-z]{1,40}Error)\b/;
const TIMEOUT_IN_MESSAGE = /aborted due to timeout/;

function readErrorCode(error: unknown): string | undefined {
  let current = error;
  // Errors of Node's `fetch` are not instances of `Error` in every context.
  for (let depth = 0; depth < MAX_CAUSE_DEPTH && isObject(current); depth += 1) {
    const { code, message, name, cause } = current;
    if (typeof code === 'string' && ERROR_CODE.test(code)) return code;
    const text = typeof message === 'string' ? message : '';
    const [found] = CODE_IN_MESSAGE.exec(text) ?? [];
    if (found !== undefined) return found;
    if (name === 'TimeoutError' || TIMEOUT_IN_MESSAGE.test(text)) return 'TimeoutError';
    current = cause;
  }
  return undefined;
}

/** Returns the fields of a log line about a failure. Empty without one. */
export const upstreamLogFields = (failure: UpstreamFailure | undefined): object => ({
  ...(failure?.status === undefined ? {} : { upstreamStatus: failure.status }),
  ...(failure?.reason === undefined ? {} : { upstreamReason: failure.reason }),
  ...(failure?.requestId === undefined ? {} : { upstreamRequestId: failure.requestId }),
});
