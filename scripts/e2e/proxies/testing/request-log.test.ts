import { Agent, fetch } from 'undici';
import { closeAfterTests } from '../../../../couchdb-design/testing/open-resources.ts';
import { eventually, startFakeUpstream } from '../../../../server/testing/fake-couchdb.ts';
import { createRequestLog } from './request-log.ts';

test('records what failed and how, and counts no request that the client aborted', async () => {
  const server = await startFakeUpstream(({ url }, response) => {
    if (url === '/busy') response.writeHead(503).end('{"reason":"The server is busy."}');
    else if (url === '/reset') response.destroy();
    else if (url === '/cut-off') response.write('{', () => response.destroy());
    else if (url === '/hangs') response.write('{');
    else response.end('{}');
  });
  const reported: string[] = [];
  const log = createRequestLog((text) => reported.push(text));
  const agent = closeAfterTests(new Agent());
  const dispatcher = agent.compose(log.interceptor);
  const get = async (path: string, signal?: AbortSignal): Promise<unknown> => {
    const response = await fetch(`${server.access.url}${path}`, { dispatcher, ...(signal ? { signal } : {}) });
    return response.text();
  };

  await get('/good');
  await get('/busy');
  await expect(get('/reset')).rejects.toThrow();
  await expect(get('/cut-off')).rejects.toThrow();
  const controller = new AbortController();
  const hanging = expect(get('/hangs', controller.signal)).rejects.toThrow();
  await eventually(() => log.silent(0).some((text) => text.includes('status 200, 1 bytes')));
  controller.abort();
  await hanging;

  expect(log.silent(0)).toEqual([]);
  expect(log.endedCount()).toBe(4);
  expect(log.failures.map(({ outcome }) => outcome)).toEqual(['503', 'no response', 'cut off']);
  expect(reported).toEqual([
    expect.stringMatching(/^GET \/busy: 503 after [\d.]+ s: {"reason":"The server is busy."}$/),
    expect.stringMatching(/^GET \/reset: no response after [\d.]+ s: UND_ERR_SOCKET: other side closed$/),
    expect.stringMatching(/^GET \/cut-off: cut off after [\d.]+ s: UND_ERR_SOCKET: other side closed$/),
  ]);
});
