import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { startTestGate, type TestGate } from '../../../server/testing/test-gate.ts';

const HOSTILE = ['hostile0', 'hostile1', 'hostile2'];

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
  for (const user of [...HOSTILE, 'victim']) expect((await gate.request(user, `/user_${user}`)).status).toBe(200);
});
afterAll(() => gate.close());

/** Rows of other documents: the gate parses the whole batch, and refuses each row without a request to the database. */
const EXPENSIVE_BATCH = JSON.stringify({
  new_edits: false,
  docs: Array.from({ length: 1_000 }, (_, n) => ({
    _id: `user_other${n}`,
    _rev: `1-${'a'.repeat(32)}`,
    _revisions: { start: 1, ids: ['a'.repeat(32)] },
    preferences: { theme: 'dark', text: 'x'.repeat(1_000) },
  })),
});

it('while three users repeat expensive batches, another user’s request waits for few of them', async () => {
  let completed = 0;
  let isRunning = true;
  const repeat = async (user: string): Promise<void> => {
    while (isRunning) {
      const response = await fetch(`${gate.database}/_bulk_docs`, {
        method: 'POST',
        headers: { authorization: `Bearer ${gate.token(user)}`, 'content-type': 'application/json' },
        body: EXPENSIVE_BATCH,
      });
      expect(response.status).toBe(201);
      await response.arrayBuffer();
      completed += 1;
    }
  };
  const attacks = HOSTILE.flatMap((user) => Array.from({ length: 4 }, () => repeat(user)));
  closeAfterTests({ close: () => (isRunning = false) });
  const waitFor = async (count: number): Promise<void> => {
    while (completed < count) await new Promise(setImmediate);
  };
  await waitFor(12);
  const delays: number[] = [];
  for (let n = 0; n < 10; n += 1) {
    const before = completed;
    expect((await gate.request('victim', '/user_victim')).status).toBe(200);
    delays.push(completed - before);
    await waitFor(completed + 2);
  }
  isRunning = false;
  await Promise.all(attacks);
  // Of the twelve batches in progress at any time.
  expect(delays.sort((a, b) => a - b)[5]).toBeLessThanOrEqual(4);
});
