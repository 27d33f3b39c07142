import type { IncomingMessage, ServerResponse } from 'node:http';
import { fetchHeard, type Hearing } from './heard-response.ts';
import { openLoopback } from './loopback.ts';

const loopback = openLoopback();
afterEach(loopback.close);

const get = (url: string, options: Partial<Hearing> = {}, init: RequestInit = {}): ReturnType<typeof fetchHeard> =>
  fetchHeard({ fetch: globalThis.fetch, silence: 100, onHeard: () => undefined, ...options }, url, init);

/** Says each of `parts`, `ms` apart, and then nothing more. */
const saying =
  (parts: readonly string[], ms: number, then: (res: ServerResponse) => void = () => undefined) =>
  (_req: IncomingMessage, res: ServerResponse): void => {
    const rest = [...parts];
    const timer = setInterval(() => {
      const part = rest.shift();
      if (part !== undefined) {
        res.write(part);
        return;
      }
      clearInterval(timer);
      then(res);
    }, ms);
  };

test.each([
  ['before its headers', (): void => undefined],
  ['after its headers', (_req: IncomingMessage, res: ServerResponse): void => res.flushHeaders()],
  ['in the midst of its body', saying(['{"resul', 'ts":['], 20)],
  ['after some heartbeats', saying(['{"results":[\n', '\n', '\n', '\n'], 30)],
])('a connection that falls silent %s is ended', async (_when, listener) => {
  await expect(get(await loopback.serve(listener))).rejects.toThrow('silent');
});

test('whatever comes is a sign of life, heartbeat or not, for as long as it comes', async () => {
  const dribbled = '{"results":[],"last_seq":"0"}'.split('');
  const heard: string[] = [];
  const url = await loopback.serve(saying(dribbled, 45, (res) => res.end()));
  const { text } = await get(url, { silence: 300, onHeard: (soFar) => heard.push(soFar) });
  expect(text).toBe(dribbled.join(''));
  // 29 parts of 45 ms are four times the silence that is allowed.
  expect(heard.length).toBeGreaterThan(5);
  expect(heard.at(-1)).toBe(text);
  expect(heard.every((soFar) => text.startsWith(soFar))).toBe(true);
});

test('a character that comes in two pieces is read as one', async () => {
  const [first, second] = [Buffer.from('{"a":"ü"}').subarray(0, 7), Buffer.from('{"a":"ü"}').subarray(7)];
  const url = await loopback.serve((_req, res) => {
    res.write(first, () => setImmediate(() => res.end(second)));
  });
  expect((await get(url, { silence: 5_000 })).text).toBe('{"a":"ü"}');
});

test('a body that is cut off in its midst is no answer', async () => {
  const url = await loopback.serve(saying(['{"results":['], 1, (res) => res.destroy()));
  await expect(get(url, { silence: 5_000 })).rejects.toThrow();
});

test('whoever calls the request off is obeyed at once, also in the midst of the body', async () => {
  const off = new AbortController();
  const url = await loopback.serve((_req, res) => res.write('{'));
  const waiting = get(
    url,
    {
      silence: 60_000,
      onHeard: (text) => {
        if (text !== '') off.abort(new Error('enough'));
      },
    },
    { signal: off.signal },
  );
  await expect(waiting).rejects.toThrow('enough');
});
