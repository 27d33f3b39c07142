import { closeAfterTests } from './open-resources.ts';

test('a resource whose close method calls itself with a callback is closed once', async () => {
  let closed = 0;
  const resource = closeAfterTests({
    close(callback?: () => void): Promise<void> | undefined {
      if (callback === undefined) return new Promise((resolve) => void this.close(resolve));
      closed += 1;
      callback();
      return undefined;
    },
  });
  await resource.close();
  expect(closed).toBe(1);
});
