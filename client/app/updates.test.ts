import { watchUpdates, type Updates } from './updates.ts';

class Worker extends EventTarget {
  state = 'installing';
  readonly heard: unknown[] = [];
  readonly postMessage = (message: unknown): void => void this.heard.push(message);
  become(state: string): void {
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}

class Registration extends EventTarget {
  waiting: Worker | null = null;
  installing: Worker | null = null;
  readonly update = (): Promise<void> => Promise.reject(new TypeError('no network'));
  find(): Worker {
    this.installing = new Worker();
    this.dispatchEvent(new Event('updatefound'));
    return this.installing;
  }
}

/** A browser whose page came by a worker of its own, or not. */
function browser({ controlled }: { readonly controlled: boolean }) {
  const registration = new Registration();
  const container = Object.assign(new EventTarget(), {
    controller: controlled ? new Worker() : null,
    register: () => Promise.resolve(registration),
  });
  const counts = { reloads: 0, told: 0 };
  const looks: (() => void)[] = [];
  const start = async (): Promise<Updates> => {
    const updates = watchUpdates({
      workers: container as unknown as ServiceWorkerContainer,
      reload: () => (counts.reloads += 1),
      onTimeToLook: (look) => void looks.push(look),
    });
    updates.subscribe(() => (counts.told += 1));
    await Promise.resolve();
    return updates;
  };
  return { registration, container, counts, looks, start };
}

test('a new version is offered when it is ready, and put in place only when it is accepted', async () => {
  const { registration, counts, start } = browser({ controlled: true });
  const updates = await start();
  const worker = registration.find();
  expect(updates.isWaiting()).toBe(false);
  worker.become('installed');
  expect([updates.isWaiting(), counts.told, worker.heard]).toEqual([true, 1, []]);
  updates.accept();
  expect(worker.heard).toEqual(['take-over']);
});

test('a version that waits since an earlier visit is offered at once', async () => {
  const { registration, start } = browser({ controlled: true });
  registration.waiting = new Worker();
  expect((await start()).isWaiting()).toBe(true);
});

test('the first worker of all is no new version: nothing is offered, and nothing loaded again', async () => {
  const { registration, container, counts, start } = browser({ controlled: false });
  const updates = await start();
  registration.find().become('installed');
  container.dispatchEvent(new Event('controllerchange'));
  expect([updates.isWaiting(), counts.reloads]).toEqual([false, 0]);
  registration.find().become('installed');
  expect(updates.isWaiting()).toBe(true);
  container.dispatchEvent(new Event('controllerchange'));
  expect(counts.reloads).toBe(1);
});

test('a version that fails or is replaced while it waits is offered no more', async () => {
  const { registration, start } = browser({ controlled: true });
  const updates = await start();
  const worker = registration.find();
  worker.become('installed');
  worker.become('redundant');
  expect(updates.isWaiting()).toBe(false);
});

test('looking for a new version without a network fails in silence, and a browser without workers has none', async () => {
  const { looks, start } = browser({ controlled: true });
  await start();
  for (const look of looks) expect(look).not.toThrow();
  const without = watchUpdates({ workers: undefined, reload: () => undefined, onTimeToLook: () => undefined });
  expect(without.isWaiting()).toBe(false);
});
