import { setTimeout as delay } from 'node:timers/promises';
import { createPreferencesStore, type PreferencesStore } from '../../client/index.ts';
import { createInMemoryBrowser, startTestServer, type TestServer } from '../e2e/testing/test-server.ts';
import { FlagError, parseFlags, parseWholeNumber } from './flags.ts';
import { PATH_FAULTS, startFaultyPath, type FaultyPath, type PathFault } from './load/faulty-path.ts';
import { markdownTable } from '../tables.ts';
import { quantile } from './report/statistics.ts';

/**
 * `npm run bench:recovery`: the time from the end of a network fault until the store of a device is live and has received an edit of
 * another device. Faults of random kinds and durations follow each other, without browser events. All devices sync with one gate
 * in memory, each over a separate network path.
 */

const USAGE = 'npm run bench:recovery [-- --stores 20 --seconds 240 --longest 40]';

interface Outage {
  readonly fault: PathFault;
  readonly faultSeconds: number;
  readonly recoverySeconds: number;
}

interface Options {
  readonly stores: number;
  readonly seconds: number;
  /** The longest fault, in seconds. */
  readonly longest: number;
}

/** How long a store stays live between two faults, in ms. */
const pauseMs = (): number => 1_000 + 4_000 * Math.random();

const waitFor = (store: PreferencesStore, isReached: () => boolean): Promise<void> =>
  new Promise((resolve) => {
    const check = (): void => {
      if (!isReached()) return;
      unsubscribe();
      resolve();
    };
    const unsubscribe = store.subscribe(check);
    check();
  });

class Device {
  readonly #store: PreferencesStore;
  readonly #path: FaultyPath;
  readonly #edit: (theme: 'dark' | 'light') => Promise<void>;

  constructor(server: TestServer, path: FaultyPath, username: string) {
    this.#path = path;
    this.#store = createPreferencesStore({
      url: server.registryUrl.replace(server.url, path.url),
      username,
      getToken: () => Promise.resolve(server.token(username)),
      openDatabase: createInMemoryBrowser(),
      environment: { storage: {}, listen: () => () => undefined, isVisible: () => true },
    });
    this.#edit = async (theme) => {
      const response = await fetch(`${server.url}/api/users/preferences`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${server.token(username)}`, 'content-type': 'application/json' },
        body: JSON.stringify({ theme }),
      });
      if (!response.ok) throw new Error(`The edit failed with ${response.status}.`);
    };
  }

  /** Applies one fault after the other until `deadline` (`performance.now()`). */
  async run(deadline: number, longest: number, report: (outage: Outage) => void): Promise<void> {
    await waitFor(this.#store, () => this.#store.status().state === 'live');
    for (let round = 0; performance.now() < deadline; round += 1) {
      await delay(pauseMs());
      const fault = PATH_FAULTS[Math.floor(Math.random() * PATH_FAULTS.length)] ?? 'refused';
      const faultSeconds = fault === 'lost state' ? 0 : Math.random() * longest;
      const theme = round % 2 === 0 ? 'dark' : 'light';
      this.#path.begin(fault);
      await delay(faultSeconds * 1_000);
      await this.#edit(theme);
      this.#path.end();
      const endedAt = performance.now();
      await waitFor(this.#store, () => this.#store.status().state === 'live' && this.#store.get().theme === theme);
      report({ fault, faultSeconds, recoverySeconds: (performance.now() - endedAt) / 1_000 });
    }
  }

  async close(): Promise<void> {
    await this.#store.close();
    await this.#path.close();
  }
}

async function measure({ stores, seconds, longest }: Options): Promise<readonly Outage[]> {
  const server = await startTestServer();
  const outages: Outage[] = [];
  const devices: Device[] = [];
  try {
    for (let index = 0; index < stores; index += 1) {
      devices.push(new Device(server, await startFaultyPath(server.url), `recovery${index}`));
    }
    const deadline = performance.now() + seconds * 1_000;
    await Promise.all(devices.map((device) => device.run(deadline, longest, (outage) => outages.push(outage))));
  } finally {
    await Promise.all(devices.map((device) => device.close()));
    await server.close();
  }
  return outages;
}

/** Returns a row of the table. */
function summarize(name: string, outages: readonly Outage[]): readonly string[] {
  const seconds = outages.map(({ recoverySeconds }) => recoverySeconds).sort((a, b) => a - b);
  const quantiles = [0.5, 0.9, 1].map((share) => quantile(seconds, share).toFixed(1));
  return [name, String(outages.length), ...quantiles];
}

try {
  const { values } = parseFlags(process.argv.slice(2), { stores: '20', seconds: '240', longest: '40' });
  const options: Options = {
    stores: parseWholeNumber('stores', values.stores),
    seconds: parseWholeNumber('seconds', values.seconds),
    longest: parseWholeNumber('longest', values.longest),
  };
  const outages = await measure(options);
  const rows = PATH_FAULTS.map((fault) =>
    summarize(
      fault,
      outages.filter((outage) => outage.fault === fault),
    ),
  );
  console.log(markdownTable([['fault', 'outages', 'median s', 'p90 s', 'max s'], ...rows, summarize('all', outages)]));
} catch (error) {
  if (!(error instanceof FlagError)) throw error;
  console.error(`${error.message}\n${USAGE}`);
  process.exitCode = 1;
}
