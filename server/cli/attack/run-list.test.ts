import { CommandError } from '../command-error.ts';
import type { AttackContext } from './context.ts';
import type { AttackEntry } from './entry.ts';
import { runList } from './run-list.ts';

/** An entry with more findings than are reported. */
const entryThat = (run: () => void): AttackEntry => ({
  group: 'reads',
  request: 'each request',
  expectation: 'is refused',
  run(probe) {
    for (let n = 0; n < 10; n += 1) probe.report(`GET /${n}`, 'not refused');
    run();
    return Promise.resolve();
  },
});

const victim = { isUnchanged: () => Promise.resolve(false), refresh: () => Promise.resolve() };
const contextOfVictim = { victim } as unknown as AttackContext;

test('after many findings a report contains why the list has ended', async () => {
  const entry = entryThat(() => {
    throw new CommandError('The server cannot be reached.');
  });
  const results = await runList([entry, entry], contextOfVictim, () => undefined);
  expect(results).toHaveLength(1);
  expect(results[0]?.findings.at(-1)).toEqual({
    request: 'each request',
    observation: 'The server cannot be reached.',
  });
});

test('after many findings a report contains that the document of the other user has changed', async () => {
  const entry = entryThat(() => undefined);
  const results = await runList([entry], contextOfVictim, () => undefined);
  expect(results[0]?.findings.at(-1)?.observation).toBe('changed the document of user B');
});
