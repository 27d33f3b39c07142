import { createEmitter, waitForEvent } from './emitter.ts';

test('whoever listens is told, and whoever has stopped listening hears nothing', () => {
  const bell = createEmitter<[string]>();
  const heard: string[] = [];
  const stop = bell.subscribe((told) => heard.push(told));
  bell.emit('first');
  stop();
  bell.emit('second');
  expect(heard).toEqual(['first']);
});

test('a wait ends at a ring, and says that it was rung', async () => {
  const bell = createEmitter();
  const waiting = waitForEvent(bell, 3_600_000);
  bell.emit();
  await expect(waiting).resolves.toBe(true);
});

test('a wait ends with its time', async () => {
  await expect(waitForEvent(createEmitter(), 1)).resolves.toBe(false);
});

test('a wait for which no time is said goes on until the ring, and no timer is left behind', async () => {
  jest.useFakeTimers();
  const bell = createEmitter();
  const waiting = waitForEvent(bell);
  await jest.advanceTimersByTimeAsync(24 * 3_600_000);
  bell.emit();
  await expect(waiting).resolves.toBe(true);
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});
