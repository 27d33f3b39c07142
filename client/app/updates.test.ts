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

/** A browser whose page is controlled by a service worker, or not. */
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
      scheduleUpdateChecks: (check) => void updateChecks.push(check),
    });
    updates.subscribe(() => (counts.notifications += 1));
    await Promise.resolve();
    return updates;
  };
  return { registration, container, counts, updateChecks, start };
}

test('a new version is offered once installed and activated only when accepted', async () => {
  const { registration, counts, start } = createBrowser({ controlled: true });
  const updates = await start();
  const worker = registration.findUpdate();
  expect(updates.isUpdateWaiting()).toBe(false);
  worker.changeState('installed');
  expect([updates.isUpdateWaiting(), counts.notifications, worker.messages]).toEqual([true, 1, []]);
  updates.accept();
  expect(worker.messages).toEqual(['take-over']);
});

test('a version that has been waiting since an earlier visit is offered at once', async () => {
  const { registration, start } = createBrowser({ controlled: true });
  registration.waiting = new FakeWorker();
  expect((await start()).isUpdateWaiting()).toBe(true);
});

test('the first worker is not a new version: it causes no offer and no reload', async () => {
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

test('a waiting version that fails or is replaced is no longer offered', async () => {
  const { registration, start } = createBrowser({ controlled: true });
  const updates = await start();
  const worker = registration.findUpdate();
  worker.changeState('installed');
  worker.changeState('redundant');
  expect(updates.isUpdateWaiting()).toBe(false);
});

test('an update check ignores a network failure, and a browser without service workers has no updates', async () => {
  const { updateChecks, start } = createBrowser({ controlled: true });
  await start();
  for (const check of updateChecks) expect(check).not.toThrow();
  const unsupported = watchUpdates({
    workers: undefined,
    reload: () => undefined,
    scheduleUpdateChecks: () => undefined,
  });
  expect(unsupported.isUpdateWaiting()).toBe(false);
});
