/** Passes, but adds more listeners than Node expects. jest-environment.test.ts runs it in a separate Jest process. */
import { EventEmitter } from 'node:events';

test('adds eleven listeners', () => {
  const emitter = new EventEmitter();
  for (let count = 0; count < 11; count += 1) emitter.on('leak', () => undefined);
  expect(emitter.listenerCount('leak')).toBe(11);
});
