/** Lets a history happen to one user's devices on the real server, brings everybody together, and says what is wrong then. */
import { createSimulatedDevice, type SimulatedDevice, type Tab } from './simulated-device.ts';
import { createEditLog, type StoredEdit } from './edit-log.ts';
import type { Scenario, Key, Step } from './scenario.ts';
import { findViolations, findUnsettledTabs, readReplicas } from './invariants.ts';

export interface ScenarioServer {
  /** The database's URL. */
  readonly registryUrl: string;
  readonly token: (username: string) => string;
  /** Stops and starts gate and engine, for all histories that run. */
  readonly restart: () => Promise<void>;
  /** Returns what ends it. */
  readonly onRestart: (listener: () => void) => () => void;
}

/** In ms: longer than a store waits for a silent server, and nothing takes this long that has not gone wrong. */
const WAIT_TIMEOUT_MS = 40_000;

/** Counted round. */
const itemAt = <T>(list: readonly T[], index: number): T => {
  const item = list[index % list.length];
  if (item === undefined) throw new RangeError('There is none.');
  return item;
};

/** Resolves when it went well; rejects with an error that tells the story. */
export async function runScenario(
  { devices: traits, steps }: Scenario,
  username: string,
  world: ScenarioServer,
): Promise<void> {
  const startedAt = performance.now();
  const eventLog: string[] = [];
  const violations: string[] = [];
  const logEvent = (what: string): void =>
    void eventLog.push(`${String(Math.round(performance.now() - startedAt)).padStart(6)} ms  ${what}`);

  const listeners = new Set<() => void>();
  let responseCount = 0;
  let eventCount = 0;
  /** Resolved as soon as `holds`, asked whenever something happens; false when that takes too long. */
  const waitUntil = (predicate: () => boolean): Promise<boolean> =>
    new Promise((resolve) => {
      const end = (value: boolean): void => {
        clearTimeout(timer);
        listeners.delete(check);
        resolve(value);
      };
      const check = (): void => {
        if (predicate()) end(true);
      };
      const timer = setTimeout(() => end(false), WAIT_TIMEOUT_MS);
      listeners.add(check);
      check();
    });

  /** Rejects when `done` takes too long. */
  const withTimeout = async <T>(what: string, done: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const timeout = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} does not come to an end`)), WAIT_TIMEOUT_MS);
    });
    return Promise.race([done, timeout]).finally(() => clearTimeout(timer));
  };

  const editLog = createEditLog();
  const confirmedEdits: StoredEdit[] = [];
  const pendingEdits: Promise<void>[] = [];
  const token = world.token(username);
  const devices = traits.map((each, index): SimulatedDevice =>
    createSimulatedDevice({
      name: 'ABCDE'.charAt(index),
      traits: each,
      url: world.registryUrl,
      username,
      token,
      edits: editLog,
      onEvent: (event) => {
        eventCount += 1;
        if (event === 'answer') responseCount += 1;
        for (const listener of [...listeners]) listener();
      },
    }),
  );
  const haveConverged = (): boolean => findUnsettledTabs(devices.filter((device) => device.isOnline())).length === 0;

  let valueCount = 0;
  const calls: { readonly tab: string; readonly patch: Readonly<Record<string, string>> }[] = [];
  const edit = async (tab: Tab, set: readonly Key[], remove: readonly Key[]): Promise<void> => {
    const patch: Partial<Record<Key, string[] | null>> = {};
    for (const key of set) patch[key] = [`e${(valueCount += 1)}`];
    for (const key of remove) patch[key] = null;
    const description = Object.entries(patch).map(([key, value]) =>
      value === null ? `no ${key}` : `${key} ${value.join()}`,
    );
    logEvent(`${tab.name} sets ${description.join(', ')}`);
    const texts = Object.entries(patch).map(
      ([key, value]) => [key, value === null ? '' : JSON.stringify(value)] as const,
    );
    const call = calls.push({ tab: tab.name, patch: Object.fromEntries(texts) });
    const before = editLog.all.length;
    try {
      await withTimeout(`setting ${description.join(', ')}`, tab.store.set(patch));
    } catch (error) {
      if (!tab.isClosing()) violations.push(`${tab.name} could not store ${description.join(', ')}: ${String(error)}`);
      return;
    }
    const storedSince = editLog.all.slice(before).filter((stored) => tab.writesConcurrentlyWith(stored.tab));
    for (const [key, text] of texts) {
      // What the same tab sets while this waits for its turn may be stored in its place, and where tabs do not wait for
      // each other what another one sets at that moment.
      const acceptableCalls = calls.filter((each, index) => each.tab !== tab.name || index >= call);
      const stored = storedSince.find(
        (each) =>
          each.key === key && (each.text === text || acceptableCalls.some(({ patch }) => patch[key] === each.text)),
      );
      if (stored === undefined) violations.push(`${tab.name} said that it has stored ${key} ${text}, and has not`);
      else confirmedEdits.push(stored);
    }
  };

  const runStep = async (step: Step): Promise<void> => {
    switch (step.kind) {
      case 'edit': {
        const done = edit(itemAt(itemAt(devices, step.device).tabs, step.tab), step.set, step.remove);
        pendingEdits.push(done);
        if (step.wait) await done;
        return;
      }
      case 'offline':
      case 'online': {
        const device = itemAt(devices, step.device);
        if (device.isOnline() === (step.kind === 'online')) return;
        logEvent(`${device.name} goes ${step.kind}`);
        device.setOnline(step.kind === 'online');
        return;
      }
      case 'reload': {
        const device = itemAt(devices, step.device);
        await Promise.all([...device.tabs].map((tab) => tab.close()));
        logEvent(`${device.name} is closed, and opened again as ${(await device.openTab()).name}`);
        return;
      }
      case 'open-tab': {
        const device = itemAt(devices, step.device);
        if (device.tabs.length === 1) logEvent(`${device.name} opens another tab, ${(await device.openTab()).name}`);
        return;
      }
      case 'close-tab': {
        const device = itemAt(devices, step.device);
        if (device.tabs.length === 1) return;
        const tab = itemAt(device.tabs, step.tab);
        logEvent(`${tab.name} is closed`);
        await tab.close();
        return;
      }
      case 'restart':
        await world.restart();
        return;
      case 'answers': {
        const targetCount = responseCount + step.count;
        await waitUntil(() => responseCount >= targetCount || haveConverged());
        return;
      }
      case 'meet':
        if (await waitUntil(haveConverged)) logEvent('all who are online have met');
        else violations.push(...findUnsettledTabs(devices.filter((device) => device.isOnline())));
    }
  };

  /** Looks until all is well, or until nothing has come of waiting. */
  const waitForInvariants = async (): Promise<readonly string[]> => {
    const end = performance.now() + WAIT_TIMEOUT_MS;
    for (;;) {
      const before = eventCount;
      const unrest = findUnsettledTabs(devices);
      const found =
        unrest.length > 0
          ? unrest
          : await readReplicas(devices, { username, registry: world.registryUrl, token }).then(
              (sides) => findViolations(sides, editLog.all, confirmedEdits),
              (error: unknown) => [`nothing can be read: ${String(error)}`],
            );
      if (found.length === 0 || performance.now() > end) return found;
      if (!(await waitUntil(() => eventCount > before))) return found;
    }
  };

  // Nobody has to sit out a wait between two attempts: that it ends by itself is another test's.
  const stopWaking = world.onRestart(() => {
    logEvent('the server was restarted');
    for (const device of devices) if (device.isOnline()) device.wake();
  });
  try {
    for (const [index, { clock, locks, online }] of traits.entries()) {
      const device = itemAt(devices, index);
      const tab = await withTimeout('opening', device.openTab());
      logEvent(
        `${tab.name} is there, ${clock} min off, with${locks ? '' : 'out'} Web Locks, ${online ? 'on' : 'off'}line`,
      );
    }
    for (const step of steps) await withTimeout(step.kind, runStep(step));
    await Promise.all(pendingEdits);
    logEvent('everybody goes online');
    for (const device of devices) device.setOnline(true);
    violations.push(...(await waitForInvariants()), ...editLog.contradictions);
  } catch (error) {
    violations.push(error instanceof Error ? error.message : String(error));
  } finally {
    logEvent('the end');
    if (violations.length > 0) {
      for (const { name, store } of devices.flatMap(({ tabs }) => tabs)) {
        const { events } = await store.inspect();
        const told = events.map(({ at, text }) => `${text} ${new Date(at).toISOString().slice(14, 23)}`);
        logEvent(`by its own clock ${name} saw: ${told.join(', ')}`);
      }
    }
    stopWaking();
    for (const device of devices) {
      const closed = Promise.all([...device.tabs].map((tab) => tab.close()));
      await withTimeout(`closing ${device.name}`, closed).catch((error: unknown) => violations.push(String(error)));
      for (const name of device.databaseNames) await device.openDatabase(name).destroy();
    }
  }
  if (violations.length > 0) {
    const stored = editLog.all.map(({ key, stamp, text, tab }) => `${stamp} ${tab} ${key} ${text}`).sort();
    throw new Error(
      ['What is wrong:', ...violations, '', 'The story:', ...eventLog, '', 'The edits:', ...stored].join('\n'),
    );
  }
}
