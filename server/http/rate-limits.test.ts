import { createServer } from 'node:http';
import express from 'express';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { listen } from './listen.ts';
import { RateLimitStore } from './rate-limit-store.ts';
import { limitByKey } from './rate-limits.ts';

const DAY_MS = 86_400_000;

afterEach(() => jest.restoreAllMocks());

test('after the clock was set back, a client is limited by the new time', async () => {
  let skewMs = 0;
  const { now } = Date;
  jest.spyOn(Date, 'now').mockImplementation(() => now() + skewMs);
  const app = express();
  app.use(
    limitByKey({ windowMs: 60_000, limit: 2 }, () => 'client'),
    (_req, res) => void res.end(),
  );
  const server = createServer(app);
  closeAfterTests({
    close: async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  });
  const variables = { host: 'HOST', port: 'PORT' };
  const url = await listen(server, { host: '127.0.0.1', port: 0, variables });
  const fetchStatuses = async (): Promise<number[]> => [
    (await fetch(url)).status,
    (await fetch(url)).status,
    (await fetch(url)).status,
  ];
  expect(await fetchStatuses()).toEqual([200, 200, 429]);
  skewMs = -2 * DAY_MS;
  expect(await fetchStatuses()).toEqual([200, 200, 429]);
  expect(await fetchStatuses()).toEqual([429, 429, 429]);
  skewMs = 0;
  expect(await fetchStatuses()).toEqual([200, 200, 429]);
});

test('the keys of an attacker do not fill the memory', () => {
  const store = new RateLimitStore(60_000);
  for (let n = 0; n < 100_000; n += 1) store.increment(`made-up-${n}`);
  expect(store.size).toBeLessThanOrEqual(20_000);
  store.increment('client');
  expect(store.increment('client').totalHits).toBe(2);
});
