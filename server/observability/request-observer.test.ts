import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import { connect, type AddressInfo } from 'node:net';
import { badGateway, clientDisconnected, sendError } from '../http/errors.ts';
import { createRequestObserver, type CompletedRequest } from './request-observer.ts';

/** Serves one request with `listener`, and resolves with what was observed of it. `act` runs on the client's side. */
async function observe(listener: RequestListener, act: (disconnect: () => void) => void = () => undefined) {
  const server = createServer();
  const completed = new Promise<CompletedRequest>((resolve) => {
    const observeRequest = createRequestObserver(resolve);
    server.on('request', (_req, res) => observeRequest(res));
  });
  server.on('request', listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const socket = connect((server.address() as AddressInfo).port, '127.0.0.1');
  socket.on('error', () => undefined);
  socket.resume();
  server.on('request', () => act(() => socket.destroy()));
  socket.write('GET /path HTTP/1.1\r\nHost: x\r\n\r\n');
  const request = await completed;
  socket.destroy();
  server.close();
  return request;
}

test('the status is the one that was sent', async () => {
  const { method, rawUrl, status, complete } = await observe((_req, res) => res.writeHead(201).end());
  expect({ method, rawUrl, status, complete }).toEqual({ method: 'GET', rawUrl: '/path', status: 201, complete: true });
});

test('the status is that of a failure after the response had started', async () => {
  const { status, complete } = await observe((_req, res) => {
    res.writeHead(200).flushHeaders();
    sendError(res, badGateway('The database failed.'));
  });
  expect([status, complete]).toEqual([502, false]);
});

test('there is no status if the client disconnected before a response', async () => {
  const unanswered = await observe(
    () => undefined,
    (disconnect) => disconnect(),
  );
  expect([unanswered.status, unanswered.complete]).toEqual([undefined, false]);
  const abandoned = await observe((_req, res) => sendError(res, clientDisconnected()));
  expect(abandoned.status).toBeUndefined();
});
