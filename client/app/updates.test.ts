import { watchUpdates, type Updates } from './updates.ts';

class FakeWorker extends EventTarget {
  state = 'installing';
  readonly messages: unknown[] = [];
  readonly postMessage = (message: unknown): void => void this.messages.push(message);
  changeState(state: string): void {
    this.state = state;
    this.dispatchEvent(new Event('statechange'));
  }
}

class FakeRegistration extends EventTarget {
  waiting: FakeWorker | null = null;
  installing: FakeWorker | null = null;
  readonly update = (): Promise<void> => Promise.reject(new TypeError('no network'));
  findUpdate(): FakeWorker {
    this.installing = new FakeWorker();
    this.dispatchEvent(new Event('updatefound'));
    return this.installing;
  }
}

/** A browser whose page came by a worker of its own, or not. */
function createBrowser({ controlled }: { readonly controlled: boolean }) {
  const registration = new FakeRegistration();
  const container = Object.assign(new EventTarget(), {
    controller: controlled ? new FakeWorker() : null,
    register: () => Promise.resolve(registration),
  });
  const counts = { reloads: 0, notifications: 0 };
  const updateChecks: (() => void)[] = [];
  const start = async (): Promise<Updates> => {
    const updates = watchUpdates({
      workers: container as unknown as ServiceWorkerContainer,
      reload: () => (counts.reloads += 1),
      scheduleUpdateChecks: (look) => void updateChecks.push(look),
    });
    updates.subscribe(() => (counts.notifications += 1));
    await Promise.resolve();
    return updates;
  };
  return { registration, container, counts, looks: updateChecks, start };
}

test('a new version is offered when it is ready, and put in place only when it is accepted', async () => {
  const { registration, counts, start } = createBrowser({ controlled: true });
  const updates = await start();
  const worker = registration.findUpdate();
  expect(updates.isUpdateWaiting()).toBe(false);
  worker.changeState('installed');
  expect([updates.isUpdateWaiting(), counts.notifications, worker.messages]).toEqual([true, 1, []]);
  updates.accept();
  expect(worker.messages).toEqual(['take-over']);
});

test('a version that waits since an earlier visit is offered at once', async () => {
  const { registration, start } = createBrowser({ controlled: true });
  registration.waiting = new FakeWorker();
  expect((await start()).isUpdateWaiting()).toBe(true);
});

test('the first worker of all is no new version: nothing is offered, and nothing loaded again', async () => {
  const { registration, container, counts, start } = createBrowser({ controlled: false });
  const updates = await start();
  registration.findUpdate().changeState('installed');
  container.dispatchEvent(new Event('controllerchange'));
  expect([updates.isUpdateWaiting(), counts.reloads]).toEqual([false, 0]);
  registration.findUpdate().changeState('installed');
  expect(updates.isUpdateWaiting()).toBe(true);
  container.dispatchEvent(new Event('controllerchange'));
  expect(counts.reloads).toBe(1);
});

test('a version that fails or is replaced while it waits is offered no more', async () => {
  const { registration, start } = createBrowser({ controlled: true });
  const updates = await start();
  const worker = registration.findUpdate();
  worker.changeState('installed');
  worker.changeState('redundant');
  expect(updates.isUpdateWaiting()).toBe(false);
});

test('looking for a new version without a network fails in silence, and a browser without workers has none', async () => {
  const { looks, start } = createBrowser({ controlled: true });
  await start();
  for (const look of looks) expect(look).not.toThrow();
  const without = watchUpdates({ workers: undefined, reload: () => undefined, scheduleUpdateChecks: () => undefined });
  expect(without.isUpdateWaiting()).toBe(false);
});
