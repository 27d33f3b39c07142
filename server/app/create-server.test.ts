import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';
import { closeAfterTests } from '../../couchdb-design/testing/open-resources.ts';
import { eventually } from '../testing/fake-couchdb.ts';
import { createHttpServer, type HttpServer } from './create-server.ts';

const ORIGIN = 'https://app.example';
const sockets: Socket[] = [];
let limited: string[] = [];
beforeEach(() => (limited = []));
afterEach(() => {
  for (const socket of sockets.splice(0)) socket.destroy();
});

async function listen(openFiles: number): Promise<HttpServer> {
  const created = createHttpServer({
    handler: (_req, res) => res.end('served'),
    clock: { isCorrected: false, now: Date.now },
    onRequestCompleted: () => undefined,
    recentUserOf: () => undefined,
    // Addresses of 127.0.0.0/8 are different clients.
    trustedProxies: ['10.0.0.0/8'],
    corsOrigins: [ORIGIN],
    onLimited: (limit) => void limited.push(limit),
    openFiles,
  });
  closeAfterTests(created.server);
  created.server.listen(0, '127.0.0.1');
  await once(created.server, 'listening');
  return created;
}

interface Client {
  readonly socket: Socket;
  /** Resolves with the response once it is complete, or with what was received when the connection closed. */
  request(): Promise<string>;
}

async function connectFrom({ server }: HttpServer, localAddress: string): Promise<Client> {
  const { port } = server.address() as AddressInfo;
  const socket = connect({ port, host: '127.0.0.1', localAddress });
  sockets.push(socket);
  let text = '';
  socket.setEncoding('latin1').on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  await once(socket, 'connect');
  return {
    socket,
    request: async () => {
      text = '';
      socket.write(`GET / HTTP/1.1\r\nHost: x\r\nOrigin: ${ORIGIN}\r\n\r\n`);
      await eventually(() => /\r\n\r\n[^]*(served|\n)$/.test(text) || socket.destroyed);
      return text;
    },
  };
}

it('refuses a connection beyond the limit, and pages of allowed origins can read why', async () => {
  // Four connections are served, and six accepted.
  const created = await listen(8);
  const clients: Client[] = [];
  for (let n = 0; n < 5; n += 1) clients.push(await connectFrom(created, `127.0.0.${n + 2}`));
  await eventually(() => created.connections.openConnections === 5);
  const responses = await Promise.all(clients.map((client) => client.request()));
  expect(responses.slice(0, 4).every((response) => response.startsWith('HTTP/1.1 200'))).toBe(true);
  const [, , , , refused = ''] = responses;
  expect(refused).toMatch(/^HTTP\/1\.1 503/);
  expect(refused).toMatch(/^connection: close\r$/im);
  expect(refused).toMatch(/^retry-after: \d\r$/im);
  expect(refused).toContain(`Access-Control-Allow-Origin: ${ORIGIN}\r\n`);
  expect([created.admission.shed, limited]).toEqual([1, ['connections']]);
});

it('an address that has many connections gets no more while connections are scarce, and others do', async () => {
  // 128 connections are served. They are scarce from the 97th on, and a share is 8.
  const created = await listen(256);
  for (let n = 0; n < 96; n += 1) await connectFrom(created, '127.0.0.2');
  await eventually(() => created.connections.openConnections === 96);
  const many = await connectFrom(created, '127.0.0.2');
  await eventually(() => many.socket.destroyed);
  const other = await connectFrom(created, '127.0.0.3');
  expect(await other.request()).toContain('served');
  expect(limited).toEqual(['connection_share']);
});

it('a connection that sends many requests ahead is counted', async () => {
  const created = await listen(256);
  const { socket } = await connectFrom(created, '127.0.0.2');
  socket.write('GET / HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(1_000));
  await eventually(() => limited.length > 0);
  expect(limited).toEqual(['pipelined_requests']);
});
