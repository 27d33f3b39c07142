import { once } from 'node:events';
import http, { createServer, type IncomingMessage } from 'node:http';
import compression from 'compression';
import express from 'express';
import { startSseClient } from '../../../server/testing/sse-client.ts';
import { patchPreferences } from './testing/exercise-gate.ts';
import { listen, setUpGates } from './testing/mounted-gate.ts';

/** Live responses have headers that keep proxies and middleware from buffering them. */
const createGate = setUpGates();

describe('every live response has headers that disable buffering', () => {
  const LIVE_HEADERS = {
    'cache-control': 'no-store, no-transform',
    'content-encoding': 'identity',
    'x-accel-buffering': 'no',
  };
  const paths = [
    ...['longpoll', 'continuous', 'eventsource'].flatMap((feed) => [
      // One with a pending change, which a longpoll answers at once, and one without.
      `/sync/REGISTRY/_changes?feed=${feed}&since=0`,
      `/sync/REGISTRY/_changes?feed=${feed}&since=now&timeout=1000`,
    ]),
    '/api/users/preferences/stream',
  ];
  test.each(paths)('%s, behind compression() as well', async (path) => {
    const { pouchgate, gate } = await createGate();
    const app = express()
      .use(compression({ threshold: 0 }))
      .use('/prefs', pouchgate.router);
    const url = `${await listen(createServer(app))}/prefs`;
    const headers = { authorization: `Bearer ${gate.token}`, 'accept-encoding': 'gzip' };
    const request = http.get(url + path.replace('REGISTRY', gate.registry), { headers });
    const [response] = (await once(request, 'response')) as [IncomingMessage];
    expect(response.headers).toMatchObject(LIVE_HEADERS);
    request.destroy();
  });
});

test('a stream behind compression() delivers the first event before the response ends', async () => {
  const { pouchgate, gate } = await createGate();
  const app = express()
    .use(compression({ threshold: 0 }))
    .use('/prefs', pouchgate.router);
  const url = `${await listen(createServer(app))}/prefs`;
  const headers = { authorization: `Bearer ${gate.token}`, 'accept-encoding': 'gzip, br' };
  const stream = startSseClient({ url, headers });
  await stream.waitForEvent(({ name }) => name === 'preference-update');
  await patchPreferences({ ...gate, url }, { theme: 'dark' });
  await stream.waitForEvent(({ data }) => JSON.stringify(data).includes('"theme":"dark"'));
  expect(stream.isOpen).toBe(true);
});
