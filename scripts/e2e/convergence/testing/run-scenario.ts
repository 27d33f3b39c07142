/** Lets a history happen to one user's devices on the real server, brings everybody together, and says what is wrong then. */
import { createDevice, type Device, type Tab } from './simulated-device.ts';
import { createEdits, type StoredEdit } from './edit-log.ts';
import type { History, Key, Step } from './scenario.ts';
import { findFaults, findUnrest, readSides } from './invariants.ts';

export interface World {
  /** The database's URL. */
  readonly registry: string;
  readonly token: (username: string) => string;
  /** Stops and starts gate and engine, for all histories that run. */
  readonly restart: () => Promise<void>;
  /** Returns what ends it. */
  readonly onRestarted: (listener: () => void) => () => void;
}

/** In ms: longer than a store waits for a silent server, and nothing takes this long that has not gone wrong. */
const PATIENCE = 40_000;

/** Counted round. */
const pick = <T>(list: readonly T[], index: number): T => {
  const item = list[index % list.length];
  if (item === undefined) throw new RangeError('There is none.');
  return item;
};

/** Resolves when it went well; rejects with an error that tells the story. */
export async function runHistory({ devices: traits, steps }: History, username: string, world: World): Promise<void> {
  const begin = performance.now();
  const story: string[] = [];
  const faults: string[] = [];
  const tell = (what: string): void =>
    void story.push(`${String(Math.round(performance.now() - begin)).padStart(6)} ms  ${what}`);

  const listeners = new Set<() => void>();
  let answers = 0;
  let events = 0;
  /** Resolved as soon as `holds`, asked whenever something happens; false when that takes too long. */
  const until = (holds: () => boolean): Promise<boolean> =>
    new Promise((resolve) => {
      const end = (value: boolean): void => {
        clearTimeout(timer);
        listeners.delete(check);
        resolve(value);
      };
      const check = (): void => {
        if (holds()) end(true);
      };
      const timer = setTimeout(() => end(false), PATIENCE);
      listeners.add(check);
      check();
    });

  /** Rejects when `done` takes too long. */
  const inTime = async <T>(what: string, done: Promise<T>): Promise<T> => {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`${what} does not come to an end`)), PATIENCE);
    });
    return Promise.race([done, late]).finally(() => clearTimeout(timer));
  };

  const edits = createEdits();
  const resolved: StoredEdit[] = [];
  const editing: Promise<void>[] = [];
  const token = world.token(username);
  const devices = traits.map((each, index): Device =>
    createDevice({
      name: 'ABCDE'.charAt(index),
      traits: each,
      url: world.registry,
      username,
      token,
      edits,
      onEvent: (event) => {
        events += 1;
        if (event === 'answer') answers += 1;
        for (const listener of [...listeners]) listener();
      },
    }),
  );
  const haveMet = (): boolean => findUnrest(devices.filter((device) => device.isOnline())).length === 0;

  let values = 0;
  const calls: { readonly tab: string; readonly patch: Readonly<Record<string, string>> }[] = [];
  const edit = async (tab: Tab, set: readonly Key[], remove: readonly Key[]): Promise<void> => {
    const patch: Partial<Record<Key, string[] | null>> = {};
    for (const key of set) patch[key] = [`e${(values += 1)}`];
    for (const key of remove) patch[key] = null;
    const told = Object.entries(patch).map(([key, value]) => (value === null ? `no ${key}` : `${key} ${value.join()}`));
    tell(`${tab.name} sets ${told.join(', ')}`);
    const texts = Object.entries(patch).map(
      ([key, value]) => [key, value === null ? '' : JSON.stringify(value)] as const,
    );
    const call = calls.push({ tab: tab.name, patch: Object.fromEntries(texts) });
    const before = edits.all.length;
    try {
      await inTime(`setting ${told.join(', ')}`, tab.store.set(patch));
    } catch (error) {
      if (!tab.isClosing()) faults.push(`${tab.name} could not store ${told.join(', ')}: ${String(error)}`);
      return;
    }
    const made = edits.all.slice(before).filter((stored) => tab.isBeside(stored.tab));
    for (const [key, text] of texts) {
      // What the same tab sets while this waits for its turn may be stored in its place, and where tabs do not wait for
      // each other what another one sets at that moment.
      const instead = calls.filter((each, index) => each.tab !== tab.name || index >= call);
      const stored = made.find(
        (each) => each.key === key && (each.text === text || instead.some(({ patch }) => patch[key] === each.text)),
      );
      if (stored === undefined) faults.push(`${tab.name} said that it has stored ${key} ${text}, and has not`);
      else resolved.push(stored);
    }
  };

  const take = async (step: Step): Promise<void> => {
    switch (step.kind) {
      case 'edit': {
        const done = edit(pick(pick(devices, step.device).tabs, step.tab), step.set, step.remove);
        editing.push(done);
        if (step.wait) await done;
        return;
      }
      case 'offline':
      case 'online': {
        const device = pick(devices, step.device);
        if (device.isOnline() === (step.kind === 'online')) return;
        tell(`${device.name} goes ${step.kind}`);
        device.setOnline(step.kind === 'online');
        return;
      }
      case 'reload': {
        const device = pick(devices, step.device);
        await Promise.all([...device.tabs].map((tab) => tab.close()));
        tell(`${device.name} is closed, and opened again as ${(await device.openTab()).name}`);
        return;
      }
      case 'open-tab': {
        const device = pick(devices, step.device);
        if (device.tabs.length === 1) tell(`${device.name} opens another tab, ${(await device.openTab()).name}`);
        return;
      }
      case 'close-tab': {
        const device = pick(devices, step.device);
        if (device.tabs.length === 1) return;
        const tab = pick(device.tabs, step.tab);
        tell(`${tab.name} is closed`);
        await tab.close();
        return;
      }
      case 'restart':
        await world.restart();
        return;
      case 'answers': {
        const wanted = answers + step.count;
        await until(() => answers >= wanted || haveMet());
        return;
      }
      case 'meet':
        if (await until(haveMet)) tell('all who are online have met');
        else faults.push(...findUnrest(devices.filter((device) => device.isOnline())));
    }
  };

  /** Looks until all is well, or until nothing has come of waiting. */
  const verdict = async (): Promise<readonly string[]> => {
    const end = performance.now() + PATIENCE;
    for (;;) {
      const before = events;
      const unrest = findUnrest(devices);
      const found =
        unrest.length > 0
          ? unrest
          : await readSides(devices, { username, registry: world.registry, token }).then(
              (sides) => findFaults(sides, edits.all, resolved),
              (error: unknown) => [`nothing can be read: ${String(error)}`],
            );
      if (found.length === 0 || performance.now() > end) return found;
      if (!(await until(() => events > before))) return found;
    }
  };

  // Nobody has to sit out a wait between two attempts: that it ends by itself is another test's.
  const endWaking = world.onRestarted(() => {
    tell('the server was restarted');
    for (const device of devices) if (device.isOnline()) device.wake();
  });
  try {
    for (const [index, { clock, locks, online }] of traits.entries()) {
      const device = pick(devices, index);
      const tab = await inTime('opening', device.openTab());
      tell(`${tab.name} is there, ${clock} min off, with${locks ? '' : 'out'} Web Locks, ${online ? 'on' : 'off'}line`);
    }
    for (const step of steps) await inTime(step.kind, take(step));
    await Promise.all(editing);
    tell('everybody goes online');
    for (const device of devices) device.setOnline(true);
    faults.push(...(await verdict()), ...edits.contradictions);
  } catch (error) {
    faults.push(error instanceof Error ? error.message : String(error));
  } finally {
    tell('the end');
    if (faults.length > 0) {
      for (const { name, store } of devices.flatMap(({ tabs }) => tabs)) {
        const { events } = await store.inspect();
        const told = events.map(({ at, text }) => `${text} ${new Date(at).toISOString().slice(14, 23)}`);
        tell(`by its own clock ${name} saw: ${told.join(', ')}`);
      }
    }
    endWaking();
    for (const device of devices) {
      const closed = Promise.all([...device.tabs].map((tab) => tab.close()));
      await inTime(`closing ${device.name}`, closed).catch((error: unknown) => faults.push(String(error)));
      for (const name of device.databaseNames) await device.open(name).destroy();
    }
  }
  if (faults.length > 0) {
    const stored = edits.all.map(({ key, stamp, text, tab }) => `${stamp} ${tab} ${key} ${text}`).sort();
    throw new Error(['What is wrong:', ...faults, '', 'The story:', ...story, '', 'The edits:', ...stored].join('\n'));
  }
}
