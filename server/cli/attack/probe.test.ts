import { createServer } from 'node:http';
import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import type { AttackContext } from './context.ts';
import { HttpClient } from './http/http-client.ts';
import { Probe } from './probe.ts';

test('an entry ends after three requests without a response', async () => {
  let received = 0;
  const server = createServer(() => (received += 1));
  closeAfterTests({
    close: () => {
      server.closeAllConnections();
      server.close();
    },
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  const address = { hostname: '127.0.0.1', port, isSecure: false };
  const client = new HttpClient(address, { maxConnections: 1, timeoutMs: 50 });
  const attacker = { authorization: 'Bearer x' };
  const probe = new Probe({ client, attacker } as unknown as AttackContext);
  for (let n = 0; n < 10; n += 1) await probe.send({ method: 'GET', target: '/' });
  client.close();
  expect(received).toBe(3);
  expect(probe.findings.map(({ observation }) => observation)).toEqual(['no response', 'no response', 'no response']);
  expect(probe.observation).toBe('timed-out ×3; ended early, without responses');
});
