/** Whatever faults a server has, one after another, the status has a reason for each, and none once they have ended. */
import fc from 'fast-check';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import type { StatusReason, SyncStatus } from '../../../client/index.ts';
import { createDeviceFactory, waitForPreferences, waitForState } from '../testing/device.ts';
import { startFaultyProxy, type Fault } from '../testing/faulty-proxy.ts';
import { startTestServer, waitForCondition, type TestServer } from '../testing/test-server.ts';

let server: TestServer;
const devices = createDeviceFactory(() => server);
beforeAll(async () => {
  server = await startTestServer();
});
afterAll(async () => {
  await devices.close();
  await server.close();
});

const respond =
  (status: number, body: unknown, headers = {}): Fault =>
  () => ({ kind: 'respond', status, headers, body: typeof body === 'string' ? body : JSON.stringify(body) });
const PAGE = '<!doctype html><title>Welcome</title>';

/** The faults of a server, with the reasons that they may have. */
const FAULTS: Readonly<Record<string, { readonly fault: Fault; readonly reasons: readonly StatusReason[] }>> = {
  'closed connections': { fault: () => ({ kind: 'drop' }), reasons: ['network-unreachable'] },
  // What has arrived may have been parsed before the connection is closed.
  'connections closed within the body': {
    fault: () => ({ kind: 'cut' }),
    reasons: ['network-unreachable', 'invalid-response'],
  },
  'truncated bodies': { fault: () => ({ kind: 'truncate' }), reasons: ['invalid-response'] },
  'a captive portal': { fault: respond(200, PAGE), reasons: ['html-page'] },
  'a redirect': { fault: respond(302, '', { location: '/sign-in' }), reasons: ['redirected'] },
  'a failing server': { fault: respond(500, PAGE), reasons: ['server-error'] },
  'a busy server': { fault: respond(503, PAGE, { 'retry-after': '1' }), reasons: ['server-busy'] },
  'a missing server': { fault: respond(404, PAGE), reasons: ['wrong-url'] },
  'a missing database': {
    fault: respond(404, { error: 'not_found', reason: 'Database does not exist.' }),
    reasons: ['wrong-database'],
  },
  'a wrong base': { fault: respond(500, { error: 'wrong_base', reason: 'No.' }), reasons: ['wrong-base'] },
  'a firewall': { fault: respond(403, { error: 'blocked' }), reasons: ['request-rejected'] },
  'another API': { fault: respond(200, {}), reasons: ['invalid-response'] },
  'a rejected token': { fault: respond(401, { error: 'unauthorized' }), reasons: ['token-rejected'] },
  'an expired token': {
    fault: respond(401, { error: 'unauthorized', code: 'token-expired' }),
    reasons: ['token-expired'],
  },
};
const anyFault = fc.constantFrom(...Object.keys(FAULTS));

const isDisconnected = ({ state }: SyncStatus): boolean => state === 'offline' || state === 'sign-in-needed';

test('a store without a connection has a reason, the right one, and a live store has none', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(anyFault, { minLength: 1, maxLength: 4 }),
      fc.boolean(),
      async (names, startsLive) => {
        const proxy = await startFaultyProxy(server.url);
        const user = devices.newUser();
        const open = () =>
          devices.open(user, undefined, {
            url: server.registryUrl.replace(server.url, proxy.url),
            timing: { heartbeat: 1_000, silence: scaleMs(5_000) },
            environment: { random: () => 0 },
          }).store;
        if (!startsLive) proxy.setFault(FAULTS[names[0] ?? '']?.fault);
        const store = open();
        const statuses: SyncStatus[] = [];
        store.subscribe(() => statuses.push(store.status()));
        if (startsLive) await waitForState(store, 'live');
        for (const [index, name] of names.entries()) {
          const { fault, reasons } = FAULTS[name] ?? { fault: () => undefined, reasons: [] };
          if (startsLive || index > 0) {
            proxy.setFault(fault);
            // Sending the edit meets the fault. The longpoll was opened before it.
            await store.set({ theme: store.get().theme === 'dark' ? 'light' : 'dark' });
            store.retry();
          }
          await waitForCondition(
            store.subscribe,
            () => isDisconnected(store.status()) && reasons.some((reason) => store.status().reasons.includes(reason)),
            () => `expected ${reasons.join(' or ')} of ${name}, found ${JSON.stringify(store.status())}`,
          );
        }
        proxy.setFault(undefined);
        store.retry();
        await waitForState(store, 'live', 0);
        expect(store.status()).toMatchObject({ reason: undefined, reasons: [] });
        const other = devices.open(user).store;
        await waitForPreferences(other, { theme: store.get().theme });
        expect(statuses.filter((status) => isDisconnected(status) && status.reasons.length === 0)).toEqual([]);
        expect(statuses.filter(({ state, reasons }) => state === 'live' && reasons.length > 0)).toEqual([]);
        await devices.close();
        await proxy.close();
      },
    ),
    { numRuns: 8, endOnFailure: true },
  );
});
