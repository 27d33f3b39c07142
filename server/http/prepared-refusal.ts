import type { IncomingMessage, ServerResponse } from 'node:http';
import { EXPOSED_HEADERS } from './cors.ts';
import type { LimitName } from './limit-names.ts';

/**
 * The limits that refuse requests before they are admitted, with the sentence for people. The client is not at fault, so the status is
 * 503, and `Retry-After` tells when to try again.
 */
const REFUSALS = {
  /** The request has waited too long, or too many wait. */
  admission_queue: 'The server is busy.',
  /** The connection is beyond the limit of connections. */
  connections: 'The server has reached its limit of connections.',
} as const satisfies Partial<Record<LimitName, string>>;
export type RefusalReason = keyof typeof REFUSALS;

export interface PreparedRefusalsOptions {
  /** Pages of these origins may read the responses. */
  readonly corsOrigins: readonly string[];
  /** Called with each refusal. It must be cheap. */
  readonly onRefusal?: (reason: RefusalReason) => void;
  /** The jitter of `Retry-After`, in [0, 1), so that refused clients do not retry together. Default: `Math.random`. */
  readonly random?: () => number;
}

/** The bounds of `Retry-After`, in seconds. */
const RETRY_AFTER_SECONDS = { min: 2, max: 8 } as const;

/** Headers as names and values in turn, which Node writes without building an object. */
type RawHeaders = readonly string[];

interface PreparedResponse {
  readonly body: string;
  /** One for each value of `Retry-After`. */
  readonly headers: readonly RawHeaders[];
}

/**
 * Refuses requests under load at the lowest cost: the bytes of each response are made once. A refusal creates no error, no id and
 * no log line, and is not observed as a request. It is only counted.
 */
export class PreparedRefusals {
  readonly #responses: Readonly<Record<RefusalReason, PreparedResponse>>;
  /** What is added for each allowed origin. */
  readonly #corsHeaders: ReadonlyMap<string, RawHeaders>;
  readonly #onRefusal: (reason: RefusalReason) => void;
  readonly #random: () => number;
  #sentCount = 0;

  constructor({ corsOrigins, onRefusal = () => undefined, random = Math.random }: PreparedRefusalsOptions) {
    const vary = corsOrigins.length > 0 ? ['Vary', 'Origin'] : [];
    this.#responses = {
      admission_queue: prepareResponse(REFUSALS.admission_queue, vary),
      connections: prepareResponse(REFUSALS.connections, vary),
    };
    this.#corsHeaders = new Map(corsOrigins.map((origin) => [origin, corsHeadersOf(origin)]));
    this.#onRefusal = onRefusal;
    this.#random = random;
  }

  /** The number of requests refused since the start. */
  get sent(): number {
    return this.#sentCount;
  }

  /**
   * Responds with 503 and `Retry-After`. A preflight request of an allowed origin succeeds instead, so that the page's own request
   * follows, whose refusal the page can read.
   *
   * @param req - The request, of which nothing but the head was read.
   * @param res - Its response, of which nothing was sent.
   * @param reason - Why it is refused.
   */
  send(req: IncomingMessage, res: ServerResponse, reason: RefusalReason): void {
    this.#sentCount += 1;
    const { origin } = req.headers;
    const cors = origin === undefined ? undefined : this.#corsHeaders.get(origin);
    // A 503 needs no `Date` (RFC 9110, 6.6.1), and Node's may be wrong: see date-header.ts.
    res.sendDate = false;
    // Node parses nothing after an upgrade: the next request on the connection would hang.
    if (req.headers.upgrade !== undefined) res.shouldKeepAlive = false;
    if (cors !== undefined && isPreflight(req)) {
      res.writeHead(204, [...cors, ...preflightHeaders(req)]).end();
    } else {
      const { headers, body } = this.#responses[reason];
      const chosen = headers[Math.floor(this.#random() * headers.length)] ?? [];
      res.writeHead(503, cors === undefined ? (chosen as string[]) : [...chosen, ...cors]).end(body);
    }
    this.#onRefusal(reason);
  }
}

function prepareResponse(sentence: string, vary: RawHeaders): PreparedResponse {
  const body = `${JSON.stringify({ error: 'service_unavailable', reason: sentence })}\n`;
  const { min, max } = RETRY_AFTER_SECONDS;
  const headers = Array.from({ length: max - min + 1 }, (_, n) => [
    'Content-Type',
    'application/json',
    'Content-Length',
    String(Buffer.byteLength(body)),
    'Cache-Control',
    'no-store',
    'X-Content-Type-Options',
    'nosniff',
    'Retry-After',
    String(min + n),
    ...vary,
  ]);
  return { body, headers };
}

const corsHeadersOf = (origin: string): RawHeaders => [
  'Access-Control-Allow-Origin',
  origin,
  'Access-Control-Allow-Credentials',
  'true',
  'Access-Control-Expose-Headers',
  [...EXPOSED_HEADERS, 'retry-after'].join(','),
];

const isPreflight = ({ method, headers }: IncomingMessage): boolean =>
  method === 'OPTIONS' && headers['access-control-request-method'] !== undefined;

/** Allows what the page asks for. The response to its own request decides what is permitted. Browsers cache it for 5 seconds. */
const preflightHeaders = ({ headers }: IncomingMessage): RawHeaders => [
  'Access-Control-Allow-Methods',
  'GET,HEAD,PUT,PATCH,POST,DELETE',
  'Access-Control-Allow-Headers',
  headers['access-control-request-headers'] ?? '',
  'Vary',
  'Origin, Access-Control-Request-Headers',
];
