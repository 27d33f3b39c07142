import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import { startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { spawnWorkerServer, startWorkerServer } from './testing/worker-server.ts';

/** Servers of one and of two processes that cannot start, cannot be reloaded, or have reached a limit. */

/** The limit on open files of each process in one test. Three quarters of it are for connections. */
const OPEN_FILES = 240;

let upstream: TestUpstream;
beforeAll(async () => {
  upstream = await startTestUpstream();
});
afterAll(() => upstream.close());

test('a worker that cannot start ends the server with its sentence', async () => {
  const occupant = createServer().listen(0, '127.0.0.1');
  await once(occupant, 'listening');
  const address = occupant.address();
  const port = typeof address === 'object' && address !== null ? address.port : 0;
  const child = spawnWorkerServer({ ...upstream.env(), PORT: String(port), JWT_SECRET: 's'.repeat(32) });
  let output = '';
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => (output += text));
  const [code] = (await once(child, 'close')) as [number | null];
  occupant.close();
  expect(code).toBe(1);
  expect(output.match(/Port \d+ of 127\.0\.0\.1 is in use\./g)).toHaveLength(1);
  expect(output).not.toContain('Pouchgate is at');
});

test('one process keeps serving at SIGHUP, which asks for a reload', async () => {
  const single = await startWorkerServer(upstream, { WORKERS: '1' });
  single.signal('SIGHUP');
  await single.waitForLog('SIGHUP has no effect on one process. Set WORKERS to 2 or more to reload.');
  expect((await single.send('ida', '/healthz')).status).toBe(200);
  await single.close();
});

test('when both workers have reached their limit of open files, further connections are closed', async () => {
  const limited = await startWorkerServer(upstream, {}, OPEN_FILES);
  const { hostname, port } = new URL(limited.url);
  const sockets: Socket[] = [];
  const open = async (): Promise<Socket> => {
    const socket = connect(Number(port), hostname);
    sockets.push(socket.on('error', () => undefined));
    await once(socket, 'connect');
    return socket.resume();
  };
  // One after the other, so that the primary never has many connections that it has not handed over yet.
  while (sockets.length < OPEN_FILES) {
    const socket = await open();
    socket.write('GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n');
    await once(socket, 'data');
  }
  while (sockets.length < 2 * OPEN_FILES) await open();
  // Otherwise they would be offered to the workers again and again.
  await eventually(() => sockets.filter(({ destroyed }) => destroyed).length > OPEN_FILES / 4);
  for (const socket of sockets) socket.destroy();
  await eventually(async () => (await limited.send('ida', '/healthz').catch(() => undefined))?.status === 200);
  await limited.close();
});
