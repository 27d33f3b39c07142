import { createEmitter } from '../../platform/emitter.ts';
import { receiveEvents, type EventConnectionOptions } from './event-connection.ts';

const options = (fetch: typeof globalThis.fetch): EventConnectionOptions => ({
  url: 'https://example.org/api/users/preferences/stream',
  boundedMs: 1_000,
  getToken: () => Promise.resolve('token'),
  environment: { now: Date.now, fetch, listen: () => () => undefined },
  lastEventId: '',
  idleTimeoutMs: 10_000,
  wakeEmitter: createEmitter(),
  onEvent: () => true,
});

test.each([
  ['the events of the server', 'event: connected\ndata: {"username":"alice"}\n\n', true],
  ['a page that something on the path sends in its place', '<html>Be right back.</html>', false],
  ['nothing', '', false],
])('whether a bounded response is complete: %s', async (_name, text, isComplete) => {
  const fetch = (): Promise<Response> => Promise.resolve(new Response(text));
  const result = await receiveEvents(options(fetch), new AbortController().signal);
  expect(result).toMatchObject({ isComplete, needsSignIn: false, timedOutAfter: undefined });
});
