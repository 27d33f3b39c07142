import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import express from 'express';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { DEFAULT_RATE_LIMITS, limitByKey, type RateLimits } from '../http/rate-limits.ts';
import { SharedCounters, shareRateLimits, type CallCounter } from './shared-counters.ts';

const LIMIT = { windowMs: 60_000, limit: 3 };
const limits: RateLimits = { ...DEFAULT_RATE_LIMITS, preferencesByName: LIMIT };

/** Starts a server with two limited routes, as each worker does. Returns a function that sends a request to a route. */
async function startWorker(call: CallCounter): Promise<(path: string) => Promise<number>> {
  const app = express();
  const { preferencesByName } = shareRateLimits(limits, call);
  for (const path of ['/one', '/two']) {
    app.get(
      path,
      limitByKey(preferencesByName, () => 'ida'),
      (_req, res) => void res.sendStatus(204),
    );
  }
  const server = createServer(app).listen(0, '127.0.0.1');
  closeAfterTests(server);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return async (path) => (await fetch(`http://127.0.0.1:${port}${path}`)).status;
}

test('workers share the counter of each route', async () => {
  const counters = new SharedCounters();
  const call: CallCounter = (each) => counters.apply(each);
  const [first, second] = [await startWorker(call), await startWorker(call)];
  const statuses = [await first('/one'), await second('/one'), await first('/one')];
  expect(statuses).toEqual([204, 204, 204]);
  expect([await first('/one'), await second('/one')]).toEqual([429, 429]);
  expect([await first('/two'), await second('/two')]).toEqual([204, 204]);
});

test('without a response of the primary, each worker counts for itself', async () => {
  const silent: CallCounter = () => Promise.resolve(undefined);
  const [first, second] = [await startWorker(silent), await startWorker(silent)];
  const statuses = [];
  for (let n = 0; n < LIMIT.limit + 1; n += 1) statuses.push(await first('/one'));
  expect(statuses).toEqual([204, 204, 204, 429]);
  expect(await second('/one')).toBe(204);
});
