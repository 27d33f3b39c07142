import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import memoryAdapter from 'pouchdb-adapter-memory';
import PouchDB from 'pouchdb-browser';
import { preferencesStandard } from '../../couchdb-design/user-document/preferences-standard-schema.ts';
import { parseUsername, userDocumentId, type Username } from '../../couchdb-design/user-document/username.ts';
import { createBell } from '../platform/emitter.ts';
import { defaultEnvironment } from '../platform/environment.ts';
import { openLoopback } from '../testing/loopback-server.ts';
import { createLocalStore, type LocalStore } from '../store/local-store.ts';
import { shapeOf } from '../store/schema.ts';
import { attempt, type AttemptOptions, type Ending } from './sync-run.ts';

PouchDB.plugin(memoryAdapter);

const loopback = openLoopback();
const never = new AbortController().signal;
const wake = createBell();
let store: LocalStore;
let users = 0;
beforeEach(async () => {
  users += 1;
  store = createLocalStore({
    id: userDocumentId(parseUsername(`user${users}`) as Username),
    name: `attempts-${users}`,
    shape: shapeOf(preferencesStandard),
    defaults: {},
    openDatabase: (name) => new PouchDB(name, { adapter: 'memory' }),
    environment: defaultEnvironment(),
    onNoted: () => undefined,
    onReplaced: () => undefined,
    onSuperseded: () => undefined,
  });
  await store.ready;
});
afterEach(async () => {
  await store.end(false);
  await loopback.close();
});

/** An attempt against a server that behaves like this. */
async function attempting(
  listener: RequestListener,
  options: Partial<AttemptOptions> = {},
  stop = never,
): Promise<Ending> {
  const url = await loopback.serve(listener);
  return attempt(
    {
      url: `${url}/sync/user_registry`,
      getToken: () => Promise.resolve('good'),
      store,
      environment: defaultEnvironment(),
      timing: { heartbeat: 40, silence: 100 },
      wake,
      dispatch: () => undefined,
      paces: {},
      isWary: false,
      wasDenied: false,
      ...options,
    },
    stop,
  );
}

/** Resolved once it holds: nobody says when a socket is seen to be closed. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setImmediate(resolve));
}

/** Says each of `parts`, some time apart, and then nothing more. */
const saying =
  (...parts: readonly string[]) =>
  (_req: IncomingMessage, res: ServerResponse): void => {
    const rest = [...parts];
    const timer = setInterval(() => {
      const part = rest.shift();
      if (part === undefined) clearInterval(timer);
      else res.write(part);
    }, 30);
  };

test.each([
  ['before its headers', (): void => undefined],
  ['after its headers', (_req: IncomingMessage, res: ServerResponse): void => res.flushHeaders()],
  ['in the midst of its body', saying('{"resul', 'ts":[')],
  ['after some heartbeats', saying('{"results":[\n', '\n', '\n', '\n')],
])('a connection that falls silent %s is ended', async (_when, listener) => {
  let closed = 0;
  const { type } = await attempting((req, res) => {
    res.on('close', () => (closed += 1));
    listener(req, res);
  });
  expect(type).toBe('interrupted');
  await until(() => closed > 0);
});

test('heartbeats keep it, for as long as they come', async () => {
  const begun = Date.now();
  // Twelve parts of 30 ms are more than three times the silence that is allowed.
  const { heard } = await attempting(saying('{"results":[\n', ...Array.from({ length: 11 }, () => '\n')));
  expect(heard - begun).toBeGreaterThan(300);
});

test('an app that never gives a token is silence too', async () => {
  const { type } = await attempting(() => undefined, { getToken: () => new Promise(() => undefined) });
  expect(type).toBe('interrupted');
});

test('a clock that has moved on, or back, shows at the next wake-up that the connection is not to be trusted', async () => {
  for (const moved of [3_600_000, -3_600_000]) {
    let slept = 0;
    const environment = { ...defaultEnvironment(), now: () => Date.now() + slept };
    const listener: RequestListener = (_req, res) => {
      res.flushHeaders();
      slept = moved;
      wake.ring();
    };
    const { type } = await attempting(listener, { environment, timing: { heartbeat: 600_000, silence: 600_000 } });
    expect(type).toBe('interrupted');
  }
});

test('whoever stops it is obeyed at once', async () => {
  const stop = new AbortController();
  await attempting(() => stop.abort(), { timing: { heartbeat: 600_000, silence: 600_000 } }, stop.signal);
});
