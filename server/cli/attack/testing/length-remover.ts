import { closeAfterTests } from '../../../../couchdb-design/testing/open-resources.ts';
import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/**
 * Starts a proxy of bytes that removes the length of a request with a transfer coding. Where the server behind it would have refused
 * the contradiction, it now parses the rest of the body as the next request.
 */
export async function startLengthRemover(port: number): Promise<{ url: string; close(): Promise<void> }> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, '127.0.0.1');
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on('error', () => undefined);
      socket.on('close', () => {
        client.destroy();
        upstream.destroy();
      });
    }
    client.on('data', (chunk) => upstream.write(removeLengths(chunk.toString('latin1')), 'latin1'));
    upstream.pipe(client);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return closeAfterTests({
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  });
}

const removeLengths = (text: string): string =>
  /^transfer-encoding: *chunked\r$/im.test(text) ? text.replace(/^content-length:.*\r\n/gim, '') : text;
