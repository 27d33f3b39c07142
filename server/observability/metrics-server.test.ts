import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { eventually } from '../testing/fake-couchdb.ts';
import { Metrics } from './metrics.ts';
import { startMetricsServer, type MetricsServer } from './metrics-server.ts';

let server: MetricsServer;
const clients: Socket[] = [];
beforeEach(async () => {
  server = await startMetricsServer(new Metrics({ withProcess: false }), { host: '127.0.0.1', port: 0 });
});
afterEach(async () => {
  for (const client of clients.splice(0)) client.destroy();
  await server.close();
});

async function connectClient(text: string): Promise<Socket> {
  const client = connect(Number(new URL(server.url).port), '127.0.0.1');
  clients.push(client);
  client.on('error', () => undefined).resume();
  await once(client, 'connect');
  client.write(text);
  return client;
}

const scrape = async (): Promise<number> => (await fetch(server.url)).status;

it('answers a scrape while other clients send their headers slowly', async () => {
  for (let n = 0; n < 40; n += 1) await connectClient('GET /metrics HTTP/1.1\r\nX-Slow: ');
  expect([await scrape(), await scrape()]).toEqual([200, 200]);
  // Only the limit's number of connections is left. The oldest were closed first.
  await eventually(() => clients.filter(({ destroyed }) => destroyed).length >= 20);
  expect(clients.slice(0, 10).every(({ destroyed }) => destroyed)).toBe(true);
});

it('destroys a connection that pipelines many requests', async () => {
  const client = await connectClient('GET /none HTTP/1.1\r\nHost: x\r\n\r\n');
  client.write('GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_000));
  await once(client, 'close');
  expect(await scrape()).toBe(200);
});
