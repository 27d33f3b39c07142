import http from 'node:http';
import https from 'node:https';
import { decodeBody } from './decode-body.ts';
import type { ObservedResponse } from './observed-response.ts';

/** Where the attacked server listens. */
export interface ServerAddress {
  /** Without the brackets of an IPv6 address. */
  readonly hostname: string;
  readonly port: number;
  /** Whether it is reached by TLS. */
  readonly isSecure: boolean;
}

/** A request that is sent as it is. The client follows no redirect. */
export interface HttpRequest {
  readonly method: string;
  /** The raw request target: no character is encoded or removed. */
  readonly target: string;
  /** A list is one header line for each value. */
  readonly headers?: Readonly<Record<string, string | readonly string[]>>;
  readonly body?: string | undefined;
  /** Closes the connection this long after the response has begun, in ms, because a live response does not end. */
  readonly closeAfterMs?: number;
}

/** The response, or how the connection ended without one. */
export type HttpOutcome = ObservedResponse | 'closed' | 'timed-out';

export interface HttpClientOptions {
  readonly maxConnections: number;
  /** How long a response may take, in ms. */
  readonly timeoutMs: number;
}

/** More than any expected response has. The rest is not read. */
const MAX_BODY_BYTES = 16 * 1024 * 1024;

/** Sends requests on persistent connections. */
export class HttpClient {
  readonly #address: ServerAddress;
  readonly #timeoutMs: number;
  readonly #agent: http.Agent;

  constructor(address: ServerAddress, { maxConnections, timeoutMs }: HttpClientOptions) {
    this.#address = address;
    this.#timeoutMs = timeoutMs;
    const options = { keepAlive: true, maxSockets: maxConnections };
    this.#agent = address.isSecure ? new https.Agent(options) : new http.Agent(options);
  }

  /** Rejects only if there is no connection to the server, with Node's error. */
  send({ method, target: path, headers = {}, body, closeAfterMs }: HttpRequest): Promise<HttpOutcome> {
    return new Promise((resolve, reject) => {
      const length = body === undefined ? {} : { 'Content-Length': Buffer.byteLength(body) };
      const { hostname, port, isSecure } = this.#address;
      const request = (isSecure ? https : http).request({
        hostname,
        port,
        // Some servers stop parsing a connection after an Upgrade request.
        agent: 'Upgrade' in headers ? false : this.#agent,
        method,
        path,
        headers: { ...(headers as http.OutgoingHttpHeaders), ...length },
      });
      const timer = setTimeout(() => {
        settle('timed-out');
        request.destroy();
      }, this.#timeoutMs);
      let closeTimer: NodeJS.Timeout | undefined;
      const settle = (outcome: HttpOutcome): void => {
        clearTimeout(timer);
        clearTimeout(closeTimer);
        resolve(outcome);
      };
      request.on('response', (response) => {
        if (closeAfterMs !== undefined) closeTimer = setTimeout(() => request.destroy(), closeAfterMs);
        readResponse(response, settle);
      });
      request.on('upgrade', (_response, socket) => {
        settle('closed');
        socket.destroy();
      });
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (UNREACHABLE.has(error.code ?? '') || error.code?.startsWith('ERR_TLS') === true) reject(error);
        settle('closed');
      });
      request.end(body);
    });
  }

  close(): void {
    this.#agent.destroy();
  }
}

/** The server cannot be reached. Other errors are how a server refuses a request. */
const UNREACHABLE: ReadonlySet<string> = new Set([
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'ETIMEDOUT',
  'CERT_HAS_EXPIRED',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'EPROTO',
]);

function readResponse(response: http.IncomingMessage, onEnd: (response: ObservedResponse) => void): void {
  const { statusCode: status = 0, statusMessage = '', rawHeaders } = response;
  const lines = rawHeaders.flatMap((name, index) =>
    index % 2 === 0 ? [`${name}: ${rawHeaders[index + 1] ?? ''}`] : [],
  );
  const head = [`HTTP/1.1 ${status} ${statusMessage}`, ...lines].join('\n');
  const chunks: Uint8Array[] = [];
  let bytes = 0;
  response.on('data', (chunk: Uint8Array) => {
    chunks.push(chunk);
    bytes += chunk.length;
    if (bytes > MAX_BODY_BYTES) response.destroy();
  });
  // A response that the client or the server cut counts as far as it was received.
  response.on('error', () => undefined);
  response.on('close', () => {
    const body = decodeBody(Buffer.concat(chunks), response.headers['content-encoding']);
    onEnd({ status, head, body });
  });
}
