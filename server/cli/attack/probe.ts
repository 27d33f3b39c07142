import { getString, parseJson } from '../../lib/json.ts';
import type { AttackContext } from './context.ts';
import { describeRequest } from './describe-request.ts';
import type { HttpOutcome, HttpRequest } from './http/http-client.ts';
import type { ObservedResponse } from './http/observed-response.ts';
import { findDifferences } from './judge/differences.ts';
import { findLeaks } from './judge/leaks.ts';

/** A request after which something does not hold. */
export interface Finding {
  readonly request: string;
  readonly observation: string;
}

/** A request of an attack. The attacker's token is added unless `isAnonymous`. */
export interface AttackRequest extends HttpRequest {
  readonly isAnonymous?: boolean;
}

/** An entry ends after so many requests without a response, so that a server that does not respond cannot prolong a run. */
const MAX_TIMEOUTS = 3;
/** A leak, a changed document of the other user, the end of the list, or anything else. */
export type FindingKind = 'leak' | 'change' | 'end' | 'other';

/** An entry reports at most so many findings of each kind, because the next ones mostly have the same cause. */
const MAX_FINDINGS = 5;

/** Sends the requests of one entry, judges each response, and counts statuses. */
export class Probe {
  readonly findings: Finding[] = [];
  readonly #context: AttackContext;
  readonly #statuses = new Map<string, number>();
  readonly #notes: string[] = [];
  readonly #findingCounts = new Map<FindingKind, number>();
  #timeouts = 0;

  constructor(context: AttackContext) {
    this.#context = context;
  }

  /** How many responses had each status, such as `404 ×33`, and the notes. */
  get observation(): string {
    const counts = Array.from(this.#statuses, ([status, count]) => (count === 1 ? status : `${status} ×${count}`));
    return [...(counts.length === 0 ? [] : [counts.join(', ')]), ...this.#notes].join('; ');
  }

  /** Records why a part of the entry was not sent. */
  note(sentence: string): void {
    this.#notes.push(sentence);
  }

  report(request: AttackRequest | string, observation: string, kind: FindingKind = 'other'): void {
    const count = this.#findingCounts.get(kind) ?? 0;
    if (count >= MAX_FINDINGS) return;
    this.#findingCounts.set(kind, count + 1);
    this.findings.push({ request: typeof request === 'string' ? request : describeRequest(request), observation });
  }

  /** Sends a request. The response must reveal nothing of the other user, and must not be a 500. */
  async send(request: AttackRequest): Promise<ObservedResponse | undefined> {
    if (this.#timeouts >= MAX_TIMEOUTS) return undefined;
    const { client, signal, attacker } = this.#context;
    const authorization = request.isAnonymous === true ? {} : { Authorization: attacker.authorization };
    const sent = { ...request, headers: { ...authorization, ...request.headers } };
    const outcome = await client.send(sent, signal);
    this.#count(outcome);
    if (typeof outcome === 'string') {
      if (outcome === 'timed-out') this.#countTimeout(request);
      return undefined;
    }
    return this.judge(request, outcome);
  }

  /** Sends bytes on a connection of their own, and judges each response. */
  async sendRaw(description: string, bytes: string): Promise<readonly ObservedResponse[]> {
    const responses = await this.#context.client.sendRaw(bytes, this.#context.signal);
    if (responses.length === 0) this.#count('closed');
    for (const response of responses) {
      this.#count(response);
      this.judge({ method: description, target: bytes }, response);
    }
    return responses;
  }

  judge(request: AttackRequest, response: ObservedResponse): ObservedResponse {
    const { secrets, ownTexts } = this.#context;
    const leaks = findLeaks(response, request, secrets(), ownTexts);
    if (leaks.length > 0) this.report(request, `${response.status}, reveals ${leaks.slice(0, 3).join(', ')}`, 'leak');
    else if (response.status === 500) this.report(request, '500: an input that the server does not handle');
    return response;
  }

  /** Sends a request for the other user's document and one for a missing document. The responses must be the same. */
  async compareWithMissing(makeRequest: (id: string) => AttackRequest): Promise<void> {
    const { names, missingId } = this.#context;
    const ids = [names.other.id, missingId] as const;
    const [request, missing] = [makeRequest(ids[0]), makeRequest(ids[1])];
    const [first, second] = [await this.send(request), await this.send(missing)];
    if (first === undefined || second === undefined || isBusy(first) || isBusy(second)) return;
    const differences = findDifferences([first, second], ids);
    if (differences.length > 0)
      this.report(request, `${first.status}, and for a missing document ${differences.slice(0, 3).join(', ')}`);
  }

  /** Sends a request that must be refused: with a 4xx, or in each of its rows. */
  async expectRefusal(request: AttackRequest): Promise<void> {
    const response = await this.send(request);
    if (response !== undefined && !isRefused(response)) this.report(request, `${response.status}, and not refused`);
  }

  /** Sends a request that must not change the other user's document, whatever the response is. */
  async expectNoChange(request: AttackRequest): Promise<void> {
    await this.send(request);
    const { victim } = this.#context;
    if (await victim.isUnchanged()) return;
    this.report(request, 'changed the document of user B', 'change');
    await victim.refresh();
  }

  #countTimeout(request: AttackRequest): void {
    this.#timeouts += 1;
    if (this.#timeouts === MAX_TIMEOUTS) this.note('ended early, without responses');
    // A live response may begin with the first change.
    if (request.closeAfterMs === undefined) this.report(request, 'no response');
  }

  #count(outcome: HttpOutcome): void {
    const status = typeof outcome === 'string' ? outcome : String(outcome.status);
    this.#statuses.set(status, (this.#statuses.get(status) ?? 0) + 1);
  }
}

/** The server had no capacity, which says nothing about the document. */
const isBusy = ({ status }: ObservedResponse): boolean => [429, 502, 503, 504].includes(status);

/** Whether a request failed as a whole, or a batch failed in each of its rows. */
export function isRefused({ status, body }: ObservedResponse): boolean {
  if (status >= 400) return true;
  const rows = parseJson(body);
  return Array.isArray(rows) && rows.length > 0 && rows.every((row) => getString(row, 'error') !== undefined);
}
