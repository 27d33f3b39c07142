/**
 * Two gates are restarted one after the other under steady requests: no edit is lost, and no response is an error where the
 * proxy sends a refused request to the other gate.
 */
import { setTimeout as delay } from 'node:timers/promises';
import type { Clients } from '../testing/clients.ts';
import type { Gates } from '../testing/gates.ts';
import type { Path } from '../testing/paths.ts';
import { retriesRefused } from '../testing/proxies.ts';
import { MAX_LIVE_MS, timeUntil, type Outcome } from './outcome.ts';

/** The time between two reads, in ms. */
const READ_INTERVAL_MS = 50;
/** The time between two edits of one sender, in ms. */
const EDIT_INTERVAL_MS = 500;

/** Restarts the gates once, and resolves with the outcome of each path. */
export async function checkRollingRestart(
  gates: Gates,
  clients: Clients,
  paths: readonly Path[],
): Promise<ReadonlyMap<Path, Outcome>> {
  const traffic = await Promise.all(paths.map((path) => startTraffic(gates, clients, path)));
  await gates.restartOneByOne();
  const outcomes = await Promise.all(traffic.map(({ stop }) => stop()));
  return new Map(paths.map((path, n) => [path, outcomes[n] ?? { passed: false, note: 'no outcome' }]));
}

interface Traffic {
  /** Stops the requests, waits for what is unsent, and compares the acknowledged edits with the stored ones. */
  readonly stop: () => Promise<Outcome>;
}

async function startTraffic(gates: Gates, clients: Clients, path: Path): Promise<Traffic> {
  const observed = path.observe('rolling restart');
  const { requests } = observed;
  const username = `restart-${path.proxy}-${path.configuration.replace('/', '-')}`;
  const store = clients.openStore(observed, username);
  await timeUntil(store.subscribe, () => store.status().state === 'live', MAX_LIVE_MS);

  const stopping = new AbortController();
  const { signal } = stopping;
  let lastSet = '';
  let lastAcknowledged = '';
  const senders = [
    repeat(signal, EDIT_INTERVAL_MS, async (n) => {
      await store.set({ selectedTags: [`edit ${n}`] });
      lastSet = `edit ${n}`;
    }),
    repeat(signal, EDIT_INTERVAL_MS, async (n) => {
      const response = await clients.patch(observed, username, { selectedContexts: [`edit ${n}`] });
      await response.text();
      if (response.ok) lastAcknowledged = `edit ${n}`;
    }),
    repeat(signal, READ_INTERVAL_MS, async () => {
      const headers = { authorization: `Bearer ${gates.token(username)}` };
      await (await observed.fetch(`${path.url}/sync/${gates.registry}/`, { headers })).text();
    }),
  ];
  return {
    stop: async () => {
      stopping.abort();
      await Promise.all(senders);
      const isSent = (): boolean => store.status().state === 'live' && store.status().unsent === 0;
      const sentMs = await timeUntil(store.subscribe, isSent, 4 * MAX_LIVE_MS);
      const stored = await gates.readPreferences(username);
      const lost = [
        JSON.stringify(stored['selectedTags']) !== JSON.stringify([lastSet]),
        JSON.stringify(stored['selectedContexts']) !== JSON.stringify([lastAcknowledged]),
      ].filter(Boolean).length;
      const counts = new Map<string, number>();
      for (const { outcome } of requests.failures) counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      const listed = [...counts].map(([outcome, count]) => `${count} × ${outcome}`).join(', ');
      const retries = retriesRefused(path.proxy, path.configuration);
      const summary = `${listed === '' ? '0 errors' : listed} of ${requests.endedCount()} responses, ${lost} lost`;
      const passed = (counts.size === 0 || !retries) && lost === 0 && sentMs !== undefined;
      return {
        passed,
        note: [
          summary,
          retries ? '' : 'no retries',
          sentMs === undefined ? 'not live again' : '',
          ...(passed ? [] : requests.failures.map(({ text }) => text)),
        ]
          .filter((part) => part !== '')
          .join(', '),
      };
    },
  };
}

/** Calls `action` with 0, 1, 2 … until `signal` is aborted. A failed request is counted elsewhere. */
async function repeat(signal: AbortSignal, intervalMs: number, action: (n: number) => Promise<void>): Promise<void> {
  for (let n = 0; !signal.aborted; n += 1) {
    await action(n).catch(() => undefined);
    await delay(intervalMs);
  }
}
