/** Runs a scenario on one user's devices and the real server, then brings all devices online and checks the invariants. */
import { MAX_WAIT_MS } from '../../../../couchdb-design/testing/patience.ts';
import { createSimulatedDevice, type SimulatedDevice, type Tab } from './simulated-device.ts';
import { Confirmations } from './confirmations.ts';
import { DeviceEvents } from './device-events.ts';
import { createEditLog } from './edit-log.ts';
import type { DeviceTraits, Scenario, Key, Step } from './scenario.ts';
import { findViolations, findUnsettledTabs, readReplicas } from './invariants.ts';

export interface ScenarioServer {
  /** The database's URL. */
  readonly registryUrl: string;
  readonly token: (username: string) => string;
  /** Restarts the gate and the engine, for all concurrent scenarios. */
  readonly restart: () => Promise<void>;
  /** Adds a listener and returns the function that removes it. */
  readonly onRestart: (listener: () => void) => () => void;
}

/** Returns an item by its index modulo the length. */
const itemAt = <T>(list: readonly T[], index: number): T => {
  const item = list[index % list.length];
  if (item === undefined) throw new RangeError('The list is empty.');
  return item;
};

/** Rejects when the promise takes too long. */
const withTimeout = async <T>(action: string, promise: Promise<T>): Promise<T> => {
  let timer: NodeJS.Timeout | undefined;
  const timeout = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new Error(`${action} timed out`)), MAX_WAIT_MS);
  });
  return Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
};

/** Resolves when every invariant holds. Rejects with an error that contains the violations, the history and the edits. */
export async function runScenario(scenario: Scenario, username: string, server: ScenarioServer): Promise<void> {
  const run = new ScenarioRun(scenario, username, server);
  // A device need not wait between two attempts: another test verifies that such a wait times out.
  const removeListener = server.onRestart(() => run.wakeDevices());
  try {
    await run.execute();
  } catch (error) {
    run.addViolation(error instanceof Error ? error.message : String(error));
  }
  await run.logStores();
  removeListener();
  await run.close();
  run.throwViolations();
}

class ScenarioRun {
  readonly #traits: readonly DeviceTraits[];
  readonly #steps: readonly Step[];
  readonly #username: string;
  readonly #server: ScenarioServer;
  readonly #token: string;
  readonly #devices: readonly SimulatedDevice[];
  readonly #startedAt = performance.now();
  readonly #events: string[] = [];
  readonly #violations: string[] = [];
  readonly #editLog = createEditLog();
  readonly #pendingEdits: Promise<void>[] = [];
  readonly #confirmations = new Confirmations(this.#editLog);
  readonly #deviceEvents = new DeviceEvents();
  #valueCount = 0;

  constructor({ devices, steps }: Scenario, username: string, server: ScenarioServer) {
    this.#traits = devices;
    this.#steps = steps;
    this.#username = username;
    this.#server = server;
    this.#token = server.token(username);
    this.#devices = devices.map((traits, index) =>
      createSimulatedDevice({
        name: 'ABCDE'.charAt(index),
        traits,
        url: server.registryUrl,
        username,
        token: this.#token,
        edits: this.#editLog,
        onEvent: (event) => this.#deviceEvents.record(event),
      }),
    );
  }

  async execute(): Promise<void> {
    for (const [index, { clock, locks, online }] of this.#traits.entries()) {
      const tab = await withTimeout('opening', itemAt(this.#devices, index).openTab());
      const options = `clock ${clock} min off, with${locks ? '' : 'out'} Web Locks, ${online ? 'on' : 'off'}line`;
      this.#log(`${tab.name} is opened, ${options}`);
    }
    for (const step of this.#steps) await withTimeout(step.kind, this.#runStep(step));
    await Promise.all(this.#pendingEdits);
    this.#log('all devices go online');
    for (const device of this.#devices) device.setOnline(true);
    this.#violations.push(...(await this.#waitForInvariants()), ...this.#editLog.contradictions);
  }

  addViolation(violation: string): void {
    this.#violations.push(violation);
  }

  wakeDevices(): void {
    this.#log('the server was restarted');
    for (const device of this.#devices) if (device.isOnline()) device.wake();
  }

  /** Adds the stores' own events to the history of a failure. */
  async logStores(): Promise<void> {
    this.#log('the end');
    if (this.#violations.length === 0) return;
    for (const { name, store } of this.#devices.flatMap(({ tabs }) => tabs)) {
      const { events } = await store.inspect();
      const texts = events.map(({ at, text }) => `${text} ${new Date(at).toISOString().slice(14, 23)}`);
      this.#log(`events of ${name} by its own clock: ${texts.join(', ')}`);
    }
  }

  async close(): Promise<void> {
    for (const device of this.#devices) {
      const closed = Promise.all([...device.tabs].map((tab) => tab.close()));
      await withTimeout(`closing ${device.name}`, closed).catch((error: unknown) => this.addViolation(String(error)));
      for (const name of device.databaseNames) await device.openDatabase(name).destroy();
    }
  }

  throwViolations(): void {
    if (this.#violations.length === 0) return;
    const edits = this.#editLog.all.map(({ key, stamp, text, tab }) => `${stamp} ${tab} ${key} ${text}`).sort();
    const history = ['Violations:', ...this.#violations, '', 'History:', ...this.#events, '', 'Edits:', ...edits];
    throw new Error(history.join('\n'));
  }

  #log(event: string): void {
    const elapsedMs = String(Math.round(performance.now() - this.#startedAt)).padStart(6);
    this.#events.push(`${elapsedMs} ms  ${event}`);
  }

  #findUnsettledOnlineTabs(): readonly string[] {
    return findUnsettledTabs(this.#devices.filter((device) => device.isOnline()));
  }

  async #runStep(step: Step): Promise<void> {
    switch (step.kind) {
      case 'edit':
        await this.#runEdit(step);
        return;
      case 'offline':
      case 'online':
        this.#setOnline(itemAt(this.#devices, step.device), step.kind);
        return;
      case 'reload':
        await this.#reload(itemAt(this.#devices, step.device));
        return;
      case 'open-tab':
        await this.#openTab(itemAt(this.#devices, step.device));
        return;
      case 'close-tab':
        await this.#closeTab(itemAt(this.#devices, step.device), step.tab);
        return;
      case 'restart':
        await this.#server.restart();
        return;
      case 'responses': {
        const events = this.#deviceEvents;
        const targetCount = events.responseCount + step.count;
        await events.waitUntil(
          () => events.responseCount >= targetCount || this.#findUnsettledOnlineTabs().length === 0,
        );
        return;
      }
      case 'converge':
        if (await this.#deviceEvents.waitUntil(() => this.#findUnsettledOnlineTabs().length === 0))
          this.#log('all online devices have converged');
        else this.#violations.push(...this.#findUnsettledOnlineTabs());
    }
  }

  async #runEdit({ device, tab, set, remove, wait }: Extract<Step, { readonly kind: 'edit' }>): Promise<void> {
    const edit = this.#edit(itemAt(itemAt(this.#devices, device).tabs, tab), set, remove);
    this.#pendingEdits.push(edit);
    if (wait) await edit;
  }

  #setOnline(device: SimulatedDevice, kind: 'online' | 'offline'): void {
    if (device.isOnline() === (kind === 'online')) return;
    this.#log(`${device.name} goes ${kind}`);
    device.setOnline(kind === 'online');
  }

  async #reload(device: SimulatedDevice): Promise<void> {
    await Promise.all([...device.tabs].map((tab) => tab.close()));
    this.#log(`${device.name} is closed and reopened as ${(await device.openTab()).name}`);
  }

  async #openTab(device: SimulatedDevice): Promise<void> {
    if (device.tabs.length === 1) this.#log(`${device.name} opens another tab, ${(await device.openTab()).name}`);
  }

  async #closeTab(device: SimulatedDevice, index: number): Promise<void> {
    if (device.tabs.length === 1) return;
    const tab = itemAt(device.tabs, index);
    this.#log(`${tab.name} is closed`);
    await tab.close();
  }

  async #edit(tab: Tab, set: readonly Key[], remove: readonly Key[]): Promise<void> {
    const patch: Partial<Record<Key, string[] | null>> = {};
    for (const key of set) patch[key] = [`e${(this.#valueCount += 1)}`];
    for (const key of remove) patch[key] = null;
    const entries = Object.entries(patch);
    const description = entries
      .map(([key, value]) => (value === null ? `no ${key}` : `${key} ${value.join()}`))
      .join(', ');
    this.#log(`${tab.name} sets ${description}`);
    const texts = entries.map(([key, value]) => [key, value === null ? '' : JSON.stringify(value)] as const);
    const confirm = this.#confirmations.begin(tab, texts);
    try {
      await withTimeout(`setting ${description}`, tab.store.set(patch));
    } catch (error) {
      if (!tab.isClosing()) this.addViolation(`${tab.name} could not store ${description}: ${String(error)}`);
      return;
    }
    this.#violations.push(...confirm());
  }

  /** Checks until every invariant holds, or no event has occurred for the timeout. Resolves with the violations. */
  async #waitForInvariants(): Promise<readonly string[]> {
    const deadline = performance.now() + MAX_WAIT_MS;
    for (;;) {
      const { count } = this.#deviceEvents;
      const violations = await this.#checkInvariants();
      if (violations.length === 0 || performance.now() > deadline) return violations;
      if (!(await this.#deviceEvents.waitUntil(() => this.#deviceEvents.count > count))) return violations;
    }
  }

  async #checkInvariants(): Promise<readonly string[]> {
    const unsettled = findUnsettledTabs(this.#devices);
    if (unsettled.length > 0) return unsettled;
    const user = { username: this.#username, registry: this.#server.registryUrl, token: this.#token };
    return await readReplicas(this.#devices, user).then(
      (replicas) =>
        findViolations(replicas, this.#editLog.all, this.#confirmations.confirmed.map(this.#editLog.withPresentStamp)),
      (error: unknown) => [`the replicas cannot be read: ${String(error)}`],
    );
  }
}
