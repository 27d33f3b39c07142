import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { preferencesStandardSchema } from '../../couchdb-design/user-document/preferences-standard-schema.ts';
import { parseUsername, userDocumentId, type Username } from '../../couchdb-design/user-document/username.ts';
import { createEmitter } from '../platform/emitter.ts';
import { defaultEnvironment } from '../platform/environment.ts';
import { createLoopbackServers } from '../testing/loopback-server.ts';
import { LocalStore } from '../store/local-store.ts';
import { createStoreSchema } from '../store/schema.ts';
import { runSync } from './sync-run.ts';
import type { SyncResult, SyncRunOptions } from './types.ts';

PouchDB.plugin(memoryAdapter);

const loopback = createLoopbackServers();
const neverAborted = new AbortController().signal;
const wakeEmitter = createEmitter();
let store: LocalStore;
let userCount = 0;
beforeEach(async () => {
  userCount += 1;
  store = new LocalStore({
    id: userDocumentId(parseUsername(`user${userCount}`) as Username),
    name: `attempts-${userCount}`,
    schema: createStoreSchema(preferencesStandardSchema),
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

/** An attempt against a server that behaves like this. */
async function runAgainst(
  listener: RequestListener,
  options: Partial<SyncRunOptions> = {},
  stop = neverAborted,
): Promise<SyncResult> {
  const url = await loopback.serve(listener);
  return runSync(
    {
      url: `${url}/sync/user_registry`,
      getToken: () => Promise.resolve('good'),
      store,
      environment: defaultEnvironment(),
      timing: { heartbeat: 40, silence: 100 },
      wakeEmitter,
      dispatch: () => undefined,
      throttles: {},
      isRetry: false,
      wasDenied: false,
      ...options,
    },
    stop,
  );
}

/** Resolved once it holds: nobody says when a socket is seen to be closed. */
async function waitUntil(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve));
}

/** Says each of `parts`, some time apart, and then nothing more. */
const sendParts =
  (...parts: readonly string[]) =>
  (_req: IncomingMessage, res: ServerResponse): void => {
    const remaining = [...parts];
    const timer = setInterval(() => {
      const part = remaining.shift();
      if (part === undefined) clearInterval(timer);
      else res.write(part);
    }, 30);
  };

test.each([
  ['before its headers', (): void => undefined],
  ['after its headers', (_req: IncomingMessage, res: ServerResponse): void => res.flushHeaders()],
  ['in the midst of its body', sendParts('{"resul', 'ts":[')],
  ['after some heartbeats', sendParts('{"results":[\n', '\n', '\n', '\n')],
])('a connection that falls silent %s is ended', async (_when, listener) => {
  let closed = 0;
  const { type } = await runAgainst((req, res) => {
    res.on('close', () => (closed += 1));
    listener(req, res);
  });
  expect(type).toBe('interrupted');
  await waitUntil(() => closed > 0);
});

test('heartbeats keep it, for as long as they come', async () => {
  const begun = Date.now();
  // Twelve parts of 30 ms are more than three times the silence that is allowed.
  const { lastActivityAt } = await runAgainst(sendParts('{"results":[\n', ...Array.from({ length: 11 }, () => '\n')));
  expect(lastActivityAt - begun).toBeGreaterThan(300);
});

test('an app that never gives a token is silence too', async () => {
  const { type } = await runAgainst(() => undefined, { getToken: () => new Promise(() => undefined) });
  expect(type).toBe('interrupted');
});

test('a clock that has moved on, or back, shows at the next wake-up that the connection is not to be trusted', async () => {
  for (const moved of [3_600_000, -3_600_000]) {
    let slept = 0;
    const environment = { ...defaultEnvironment(), now: () => Date.now() + slept };
    const listener: RequestListener = (_req, res) => {
      res.flushHeaders();
      slept = moved;
      wakeEmitter.emit();
    };
    const { type } = await runAgainst(listener, { environment, timing: { heartbeat: 600_000, silence: 600_000 } });
    expect(type).toBe('interrupted');
  }
});

test('whoever stops it is obeyed at once', async () => {
  const stop = new AbortController();
  await runAgainst(() => stop.abort(), { timing: { heartbeat: 600_000, silence: 600_000 } }, stop.signal);
});
