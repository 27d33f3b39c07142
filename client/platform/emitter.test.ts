import { createEmitter, waitForEvent } from './emitter.ts';

test('calls subscribed listeners, and none that has unsubscribed', () => {
  const emitter = createEmitter<[string]>();
  const received: string[] = [];
  const unsubscribe = emitter.subscribe((value) => received.push(value));
  emitter.emit('first');
  unsubscribe();
  emitter.emit('second');
  expect(received).toEqual(['first']);
});

test('waitForEvent resolves with true at the next event', async () => {
  const emitter = createEmitter();
  const waitResult = waitForEvent(emitter, 3_600_000);
  emitter.emit();
  await expect(waitResult).resolves.toBe(true);
});

test('waitForEvent resolves with false after the timeout', async () => {
  await expect(waitForEvent(createEmitter(), 1)).resolves.toBe(false);
});

test('waitForEvent without a timeout waits for the event, and leaves no timer', async () => {
  jest.useFakeTimers();
  const emitter = createEmitter();
  const waitResult = waitForEvent(emitter);
  await jest.advanceTimersByTimeAsync(24 * 3_600_000);
  emitter.emit();
  await expect(waitResult).resolves.toBe(true);
  expect(jest.getTimerCount()).toBe(0);
  jest.useRealTimers();
});
