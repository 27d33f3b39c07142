import { once } from 'node:events';
import http, { createServer, type IncomingMessage } from 'node:http';
import { listen, setUpGates } from './testing/mounted-gate.ts';

/** Responses that fail, or that the application has answered itself. */
const createGate = setUpGates();

describe('a response whose methods throw', () => {
  const MEMBERS = ['writeHead', 'setHeader', 'write', 'end', 'flushHeaders', 'destroy'];
  const PATHS = [
    '/sync/REGISTRY/',
    '/sync/REGISTRY/_changes?feed=longpoll',
    '/api/users/preferences/stream',
    '/sync/x',
  ];
  test.each(MEMBERS)('%s: its connection is closed, and others are served', async (member) => {
    const { pouchgate, gate } = await createGate();
    const headers = { authorization: `Bearer ${gate.token}` };
    const url = await listen(
      createServer((req, res) => {
        if (req.headers['x-break'] === 'yes') {
          Object.defineProperty(res, member, {
            value: () => {
              throw new Error(`${member} is broken`);
            },
          });
        }
        pouchgate.listener(req, res);
      }),
    );
    for (const path of PATHS.map((each) => `${url}/prefs${each.replace('REGISTRY', gate.registry)}`)) {
      const request = http.get(path, { headers: { ...headers, 'x-break': 'yes' }, agent: false });
      request.on('response', (response) => response.on('error', () => undefined).resume());
      request.on('error', () => undefined);
      const closed = new Promise((resolve) => request.once('close', resolve));
      const healthy = await fetch(`${url}/prefs/api/users/profile`, { headers });
      expect(healthy.status).toBe(200);
      // A stream that does not call the method stays open.
      if (path.includes('stream')) request.destroy();
      await closed;
    }
    await pouchgate.close();
  });

  test('a response that the application has already ended is not changed', async () => {
    const { pouchgate, gate } = await createGate();
    const headers = { authorization: `Bearer ${gate.token}` };
    const url = await listen(
      createServer((req, res) => {
        pouchgate.listener(req, res);
        if (req.headers['x-answered'] === 'yes') res.writeHead(504).end('a timeout of the application');
      }),
    );
    const agent = new http.Agent({ keepAlive: true, maxSockets: 1 });
    for (const path of [
      '/prefs/sync/x/_changes?feed=longpoll',
      '/prefs/api/users/profile',
      '/prefs/api/users/preferences/stream',
    ]) {
      const request = http.get(url + path, { agent, headers: { ...headers, 'x-answered': 'yes' } });
      const [response] = (await once(request, 'response')) as [IncomingMessage];
      let text = '';
      for await (const chunk of response.setEncoding('utf8')) text += String(chunk);
      expect([response.statusCode, text]).toEqual([504, 'a timeout of the application']);
    }
    agent.destroy();
    const healthy = await fetch(`${url}/prefs/api/users/profile`, { headers });
    expect(healthy.status).toBe(200);
  });
});
