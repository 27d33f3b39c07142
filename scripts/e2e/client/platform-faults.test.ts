/** Every facility of the platform rejects immediately, hangs or is missing, at random times, in two tabs of one browser. */
import fc from 'fast-check';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import type { StatusReason, SyncState } from '../../../client/index.ts';
import { resolveOptions } from '../../../client/resolve-options.ts';
import { SyncedStore } from '../../../client/synced-store.ts';
import { createDeviceFixture, waitForPreferences } from '../testing/device.ts';
import { createFaultyPlatform, FACILITIES, FAULTS, type FaultyPlatform } from '../testing/faulty-platform.ts';
import { waitForCondition } from '../testing/test-server.ts';

const devices = createDeviceFixture();

/** A tenth of the real times, so that each fault is detected and retried within a test. */
const platformTiming = { responseMs: 500, retryMs: 1_000 };
const timing = { heartbeat: 1_000, silence: scaleMs(2_500), response: 1_000 };
/** The maximum calls of a failing facility per second, by two tabs, including those that the edits of the test cause. */
const MAX_CALLS_PER_SECOND = 2 * 10;

const anyStep = fc.record({
  facility: fc.constantFrom(...FACILITIES),
  fault: fc.constantFrom(...FAULTS, undefined),
  forMs: fc.integer({ min: 2_000, max: 3_000 }),
  /** The tab that edits. */
  tab: fc.constantFrom(0 as const, 1 as const),
});

const delay = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

const openTab = (username: string, platform: FaultyPlatform): SyncedStore =>
  new SyncedStore({
    ...resolveOptions({
      url: devices.server.registryUrl,
      username,
      getToken: platform.tokenSource(() => Promise.resolve(devices.server.token(username))),
      openDatabase: platform.openDatabase,
      environment: platform.environment,
      timing,
    }),
    openReplacement: platform.openReplacement,
    platformTiming,
  });

/** Returns the largest number of calls within a second. */
const maxPerSecond = (times: readonly number[]): number =>
  Math.max(0, ...times.map((start) => times.filter((time) => time >= start && time < start + 1_000).length));

const waitUntilWell = (store: SyncedStore): Promise<void> =>
  waitForCondition(
    store.subscribe,
    () => store.status().state === 'live' && store.status().unsent === 0 && store.status().reason === undefined,
    () => JSON.stringify(store.status()),
  );

test('a facility that fails is never called in a loop, is named by the status, and all is live once it works', async () => {
  const unhandled: unknown[] = [];
  const onUnhandled = (error: unknown): void => void unhandled.push(error);
  process.on('unhandledRejection', onUnhandled);
  try {
    await fc.assert(
      fc.asyncProperty(fc.array(anyStep, { minLength: 1, maxLength: 4 }), async (steps) => {
        const user = devices.newUser();
        const platform = createFaultyPlatform();
        const tabs = [openTab(user, platform), openTab(user, platform)] as const;
        const reasons = new Set<StatusReason>();
        const states = new Set<SyncState>();
        const record = ({ status }: SyncedStore): void => {
          for (const reason of status().reasons) reasons.add(reason);
          states.add(status().state);
        };
        for (const tab of tabs) tab.subscribe(() => record(tab));
        const subscribeToBoth = (listener: () => void): (() => void) => {
          const unsubscribe = tabs.map((tab) => tab.subscribe(listener));
          return () => unsubscribe.forEach((each) => each());
        };
        try {
          for (const [index, { facility, fault, forMs, tab }] of steps.entries()) {
            platform.set(facility, fault);
            const since = performance.now();
            reasons.clear();
            states.clear();
            tabs.forEach(record);
            // It may reject. Nothing is set then.
            tabs[tab].set({ briefingTime: `07:0${index}` }).catch(() => undefined);
            await delay(forMs);
            const failed = platform.failedCalls(facility).filter((time) => time > since);
            // A browser does not show that it drops messages, or keeps no data.
            const isNoticed = fault !== 'hangs' || (facility !== 'storage' && facility !== 'channel');
            if (failed.length === 0 || !isNoticed) continue;
            if (facility === 'network' || facility === 'token') {
              await waitForCondition(subscribeToBoth, () => states.has('offline'));
              expect(
                [...reasons].some((reason) => !reason.endsWith('-unavailable') || reason === 'token-unavailable'),
              ).toBe(true);
            } else {
              expect([...reasons]).toContain(`${facility}-unavailable`);
            }
          }
          for (const facility of FACILITIES) {
            platform.set(facility, undefined);
            expect(maxPerSecond(platform.failedCalls(facility))).toBeLessThanOrEqual(MAX_CALLS_PER_SECOND);
          }
          const other = devices.open(user).store;
          // A write shows that the storage works again.
          await tabs[0].set({ theme: 'dark' });
          await tabs[1].set({ theme: 'light' });
          await Promise.all(tabs.map(waitUntilWell));
          await waitForPreferences(other, { theme: 'light' });
          for (const tab of tabs) await waitForCondition(tab.subscribe, () => tab.get()['theme'] === 'light');
        } finally {
          for (const facility of FACILITIES) platform.set(facility, undefined);
          await Promise.all(tabs.map((tab) => tab.close()));
        }
      }),
      { numRuns: 5, endOnFailure: true },
    );
  } finally {
    process.off('unhandledRejection', onUnhandled);
  }
  expect(unhandled).toEqual([]);
});
