import { scaleMs } from '../../couchdb-design/testing/patience.ts';
import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { parseUsername, userDocumentId, type Username } from '../../couchdb-design/user-document/username.ts';
import { createEmitter } from '../platform/emitter.ts';
import { defaultEnvironment } from '../platform/environment.ts';
import { createLoopbackServers } from '../testing/loopback-server.ts';
import { LocalStore } from '../store/local-store.ts';
import { runSync } from './sync-run.ts';
import type { SyncResult, SyncRunOptions } from './types.ts';

PouchDB.plugin(memoryAdapter);

const LONG_TIMING = { heartbeat: 600_000, silence: 600_000, response: 600_000 };

const loopback = createLoopbackServers();
const neverAborted = new AbortController().signal;
const wakeEmitter = createEmitter();
let store: LocalStore;
let userCount = 0;
beforeEach(async () => {
  userCount += 1;
  store = new LocalStore({
    id: userDocumentId(parseUsername(`user${userCount}`) as Username),
    name: `sync-runs-${userCount}`,
    defaults: {},
    openDatabase: (name) => new PouchDB(name, { adapter: 'memory' }),
    environment: defaultEnvironment(),
    onUnsentChange: () => undefined,
    onReplaced: () => undefined,
    onSuperseded: () => undefined,
  });
  await store.ready;
});
afterEach(async () => {
  await store.close(false);
  await loopback.close();
});

/** Runs the sync against a server with this request listener. */
async function runAgainst(
  listener: RequestListener,
  options: Partial<SyncRunOptions> = {},
  stopSignal = neverAborted,
): Promise<SyncResult> {
  const url = await loopback.serve(listener);
  return runSync(
    {
      url: `${url}/sync/user_registry`,
      idPrefix: 'user_',
      getToken: () => Promise.resolve('good'),
      store,
      environment: defaultEnvironment(),
      timing: { heartbeat: scaleMs(40), silence: scaleMs(100), response: scaleMs(100) },
      buffering: { isBuffering: () => false, recordHeartbeat: () => undefined },
      isVisible: () => true,
      wakeEmitter,
      dispatch: () => undefined,
      onServerTime: () => Promise.resolve(),
      throttles: {},
      isRetry: false,
      mustReplace: false,
      mustConfirmUser: false,
      hasTimedOut: false,
      expectsHeadSoon: false,
      ...options,
    },
    stopSignal,
  );
}

/** On a busy machine a run may time out before its first request arrives. Then there is another run. */
async function runUntilReceived(listener: RequestListener): Promise<SyncResult> {
  let received = 0;
  for (;;) {
    const result = await runAgainst((req, res) => {
      received += 1;
      listener(req, res);
    });
    if (received > 0) return result;
  }
}

/** Polls the condition: there is no event for a socket that the server sees closed. */
async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Sends the parts at intervals of 30 ms (scaled), and then nothing more. */
const sendParts =
  (...parts: readonly string[]) =>
  (_req: IncomingMessage, res: ServerResponse): void => {
    const remaining = [...parts];
    const timer = setInterval(() => {
      const part = remaining.shift();
      if (part === undefined) clearInterval(timer);
      else res.write(part);
    }, scaleMs(30));
  };

test.each([
  ['before its headers', (): void => undefined],
  ['after its headers', (_req: IncomingMessage, res: ServerResponse): void => res.flushHeaders()],
  ['within its body', sendParts('{"resul', 'ts":[')],
  ['after some heartbeats', sendParts('{"results":[\n', '\n', '\n', '\n')],
])('ends the run when the connection is idle %s', async (_name, listener) => {
  let closed = 0;
  const { type, reason } = await runUntilReceived((req, res) => {
    res.on('close', () => (closed += 1));
    listener(req, res);
  });
  expect([type, reason]).toEqual(['timed-out', 'response-timeout']);
  await waitUntil(() => closed > 0);
});

test('heartbeats keep the run open', async () => {
  // Twelve parts at 30 ms take more than three times the idle timeout.
  const sendTwelveParts = sendParts('{"results":[\n', ...Array.from({ length: 11 }, () => '\n'));
  let startedAt = 0;
  const { lastActivityAt } = await runUntilReceived((req, res) => {
    startedAt = Date.now();
    sendTwelveParts(req, res);
  });
  expect(lastActivityAt - startedAt).toBeGreaterThan(scaleMs(300));
});

test('ends the run when getToken never settles', async () => {
  const { type, reason } = await runAgainst(() => undefined, { getToken: () => new Promise(() => undefined) });
  expect([type, reason]).toEqual(['timed-out', 'token-timeout']);
});

test('ends the run at a wake-up after the clock was set forward or back', async () => {
  for (const offsetMs of [3_600_000, -3_600_000]) {
    let clockOffsetMs = 0;
    const environment = { ...defaultEnvironment(), now: () => Date.now() + clockOffsetMs };
    const listener: RequestListener = (_req, res) => {
      res.flushHeaders();
      clockOffsetMs = offsetMs;
      wakeEmitter.emit();
    };
    const { type } = await runAgainst(listener, { environment, timing: LONG_TIMING });
    expect(type).not.toBe('interrupted');
  }
});

test('ends the run at once when the stop signal is aborted', async () => {
  const stopController = new AbortController();
  const { type } = await runAgainst(() => stopController.abort(), { timing: LONG_TIMING }, stopController.signal);
  expect(type).toBe('interrupted');
});

test('a wake-up ends a run whose request has waited for over a second, and no other', async () => {
  let clockOffsetMs = 0;
  const environment = { ...defaultEnvironment(), now: () => Date.now() + clockOffsetMs };
  let requestCount = 0;
  const run = runAgainst(
    () => {
      requestCount += 1;
      wakeEmitter.emit();
      clockOffsetMs = 1_100;
      wakeEmitter.emit();
    },
    { environment, timing: LONG_TIMING },
  );
  expect((await run).type).toBe('woken');
  expect(requestCount).toBe(1);
});
