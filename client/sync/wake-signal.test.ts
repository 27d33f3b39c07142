import { createWakeSignal } from './wake-signal.ts';

const never = new AbortController().signal;

test('a wait ends at a ring, and says that it was rung', async () => {
  const wake = createWakeSignal();
  const waiting = wake.wait(never);
  wake.ring();
  await expect(waiting).resolves.toBe(true);
});

test('a wait ends with its time', async () => {
  await expect(createWakeSignal().wait(never, 1)).resolves.toBe(false);
});

test('a wait ends when it is given up, also before it began', async () => {
  const wake = createWakeSignal();
  const stop = new AbortController();
  const waiting = wake.wait(stop.signal, 3_600_000);
  stop.abort();
  await expect(waiting).resolves.toBe(false);
  await expect(wake.wait(stop.signal)).resolves.toBe(false);
});

test('whoever has stopped listening hears nothing', () => {
  const wake = createWakeSignal();
  let heard = 0;
  const stop = wake.listen(() => (heard += 1));
  wake.ring();
  stop();
  wake.ring();
  expect(heard).toBe(1);
});
