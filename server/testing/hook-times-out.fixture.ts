/** A hook that times out while a server starts. testing-api.test.ts runs it in a separate Jest process. */
import { startTestPouchgate } from '../testing-api.ts';

beforeAll(async () => {
  await startTestPouchgate();
}, 1);

test('does not run', () => undefined);
