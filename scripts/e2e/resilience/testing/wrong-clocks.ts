/** Gates and databases with wrong clocks, for tests. */
import { once } from 'node:events';
import http, { type IncomingMessage } from 'node:http';
import { eventually } from '../../../../server/testing/fake-couchdb.ts';
import { startFaultyProxy } from '../../../../server/testing/faulty-database-proxy.ts';
import { startTestUpstream } from '../../../../server/testing/test-database.ts';
import type { TestGate } from '../../../../server/testing/test-gate.ts';

export const DAY_MS = 86_400_000;
export const TWO_DAYS_BEHIND = -2 * DAY_MS;
export const THREE_DAYS_AHEAD = 3 * DAY_MS;
/** The resolution of `Date`, and the difference that is not corrected. */
const TOLERANCE_MS = 3_500;
export const ORIGIN = 'https://app.example';

/** Creates the clock of a gate, which the test can set. */
export const createLocalClock = (skewMs: number) => {
  const clock = { skewMs, now: (): number => Date.now() + clock.skewMs };
  return clock;
};

/** Returns the header of a token that by each of these clocks has not expired, and does so within a week. */
export const authorization = (gate: TestGate, username: string): Record<string, string> => ({
  authorization: `Bearer ${gate.token(username, { exp: Math.floor(Date.now() / 1000) + 4 * 86_400 })}`,
});

export async function patch(gate: TestGate, username: string, preferences: object): Promise<Response> {
  const response = await fetch(`${gate.url}/api/users/preferences`, {
    method: 'PATCH',
    headers: { ...authorization(gate, username), 'content-type': 'application/merge-patch+json', origin: ORIGIN },
    body: JSON.stringify(preferences),
  });
  expect(response.status).toBe(200);
  return response;
}

export interface StoredDocument {
  readonly preferences: Readonly<Record<string, unknown>>;
  readonly edits: Readonly<Record<string, string>>;
  readonly created_at: string;
  readonly updated_at: string;
}

export const readStored = async (gate: TestGate, username: string): Promise<StoredDocument> =>
  (await gate.registry().get(`user_${username}`)) as unknown as StoredDocument;

/** Expects a time between these two, with the precision of the header `Date`. */
export function expectBetween(time: number, from: number, to: number): void {
  expect(time).toBeGreaterThanOrEqual(from - TOLERANCE_MS);
  expect(time).toBeLessThanOrEqual(to + TOLERANCE_MS);
}

export const dateOf = (response: Response): number => Date.parse(response.headers.get('date') ?? '');

/** Starts a database behind a proxy, whose clock seems to be three days ahead. */
export async function startShiftedUpstream() {
  const upstream = await startTestUpstream();
  const proxy = await startFaultyProxy(upstream);
  proxy.clockOffsetMs = THREE_DAYS_AHEAD;
  return { upstream, proxy };
}

/** Opens a continuous feed with a heartbeat per second. */
export async function openContinuousFeed(gate: TestGate, username: string) {
  const url = `${gate.database}/_changes?feed=continuous&since=now&heartbeat=1000`;
  const request = http.get(url, { agent: false, headers: authorization(gate, username) });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  response.setEncoding('utf8');
  let heartbeats = 0;
  // A row ends with a newline as well, and starts with a brace.
  response.on('data', (text: string) => (heartbeats += /^\n/m.test(text) ? 1 : 0));
  return {
    nextHeartbeat: async () => {
      const before = heartbeats;
      await eventually(() => heartbeats > before);
    },
    close: () => request.destroy(),
  };
}
