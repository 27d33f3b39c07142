/** W3C Trace Context (https://www.w3.org/TR/trace-context-2/): a request is one span of its client's trace. */
import { randomBytes } from 'node:crypto';

/** The span that this process adds to a client's trace. */
export interface Span {
  /** 32 hexadecimal digits, chosen by the client. */
  readonly traceId: string;
  /** 16 hexadecimal digits, chosen by this process. */
  readonly spanId: string;
  /** Bit 0: sampled. Bit 1: the trace id is random. */
  readonly flags: number;
}

/** Version, trace id, parent id, flags. A later version may append members (3.2.4). */
const TRACEPARENT = /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/;
const ALL_ZEROS = /^0+$/;
/** All other bits must be zero in version 00. */
const KNOWN_FLAGS = 0b11;

/**
 * Continues a client's trace.
 *
 * @param traceparent - The value of the header `traceparent`.
 * @param newSpanId - Returns 16 hexadecimal digits.
 * @returns The span of this request, or `undefined` if the header is missing or invalid.
 */
export function continueTrace(traceparent: unknown, newSpanId: () => string = randomSpanId): Span | undefined {
  if (typeof traceparent !== 'string') return undefined;
  const [, version, traceId = '', parentId = '', flags = '', rest] = TRACEPARENT.exec(traceparent) ?? [];
  if (version === undefined || version === 'ff' || (version === '00' && rest !== undefined)) return undefined;
  if (ALL_ZEROS.test(traceId) || ALL_ZEROS.test(parentId)) return undefined;
  return { traceId, spanId: newSpanId(), flags: Number.parseInt(flags, 16) & KNOWN_FLAGS };
}

/** Returns the header `traceparent` of the response, and of requests that are made for this span. */
export const formatTraceparent = ({ traceId, spanId, flags }: Span): string =>
  `00-${traceId}-${spanId}-${flags.toString(16).padStart(2, '0')}`;

const randomSpanId = (): string => randomBytes(8).toString('hex');
