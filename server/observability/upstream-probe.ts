import { z } from 'zod';
import { describeFailedResponse, describeMissingResponse, type UpstreamFailure } from '../http/upstream-failure.ts';
import { getString, parseJson } from '../lib/json.ts';
import { signUpstreamToken } from '../upstream/authorization.ts';
import { authorizationOf, type Upstream } from '../upstream/client.ts';
import { parseSeq, seqNumber } from '../upstream/feed/row.ts';

/** The result of a cheap request to the upstream. */
export type ProbeResult =
  /** `seq` is the numeric part of the registry's newest sequence. */
  | { readonly ok: true; readonly seq: number }
  /** `responded`: CouchDB refused the request, and can serve others. `failure` is for the log. */
  | { readonly ok: false; readonly responded: boolean; readonly failure: UpstreamFailure };

/** How long a result is cached. */
const CACHE_TTL_MS = 1_000;
const TIMEOUT_MS = 2_000;

/**
 * Sends a request at most once per second for any number of callers. The readiness endpoint is public, and must not be a
 * way to overload the database.
 */
export class UpstreamProbe {
  readonly #request: () => Promise<ProbeResult>;
  readonly #now: () => number;
  #lastResult: { readonly at: number; readonly result: ProbeResult } | undefined;
  #pending: Promise<ProbeResult> | undefined;

  /** `request` never rejects. */
  constructor(request: () => Promise<ProbeResult>, now: () => number = () => performance.now()) {
    this.#request = request;
    this.#now = now;
  }

  /** The latest result, of any age. */
  get last(): ProbeResult | undefined {
    return this.#lastResult?.result;
  }

  /** Resolves with a result that is at most one second old. Never rejects. */
  check(): Promise<ProbeResult> {
    if (this.#lastResult !== undefined && this.#now() - this.#lastResult.at < CACHE_TTL_MS)
      return Promise.resolve(this.#lastResult.result);
    this.#pending ??= this.#refresh();
    return this.#pending;
  }

  async #refresh(): Promise<ProbeResult> {
    const result = await this.#request();
    this.#lastResult = { at: this.#now(), result };
    this.#pending = undefined;
    return result;
  }
}

/** Returns the `Authorization` header of a probe as the gate's own account. */
export const accountAuthorization =
  ({ access }: Pick<Upstream, 'access'>): (() => string) =>
  () =>
    authorizationOf(access);

/** No user can have this name, because of its upper-case letter. */
const PROBE_NAME = 'Pouchgate-probe';
const TOKEN_LIFETIME_SECONDS = 60;

/**
 * Returns the `Authorization` header of a probe as a user, as the gate sends requests for its users.
 *
 * @param now - CouchDB's time in ms since 1970.
 */
export const userAuthorization =
  (jwtSecret: Buffer, now: () => number): (() => string) =>
  () => {
    const expiresAt = Math.floor(now() / 1000) + TOKEN_LIFETIME_SECONDS;
    return `Bearer ${signUpstreamToken(jwtSecret, { name: PROBE_NAME, expiresAt })}`;
  };

const infoSchema = z.object({ update_seq: z.union([z.string(), z.number()]) });

/**
 * Returns a function that sends `GET /<registry>`, over the connections of the gate's own reads.
 *
 * @param authorization - Returns the `Authorization` header.
 */
export function createProbeRequest(
  { fetch }: Pick<Upstream, 'fetch'>,
  registry: string,
  authorization: () => string,
): () => Promise<ProbeResult> {
  return async () => {
    try {
      const response = await fetch(`/${encodeURIComponent(registry)}`, {
        headers: { authorization: authorization(), accept: 'application/json' },
        redirect: 'manual',
        signal: AbortSignal.timeout(TIMEOUT_MS),
      });
      return readResult(response, await response.text());
    } catch (error) {
      return { ok: false, responded: false, failure: describeMissingResponse(error) };
    }
  };
}

function readResult({ status, headers }: Response, text: string): ProbeResult {
  const body = parseJson(text);
  const info = infoSchema.safeParse(body).data;
  if (status === 200 && info !== undefined) return { ok: true, seq: seqNumber(parseSeq(info.update_seq)) };
  // A page without CouchDB's JSON is that of a proxy. With a status of 500 or above no request can be served.
  const responded = status < 500 && getString(body, 'reason') !== undefined;
  return { ok: false, responded, failure: describeFailedResponse(status, body, headers.get('x-couch-request-id')) };
}
