/** A local database keeps 100 revisions of a branch. Devices that were offline for longer lose nothing. */
import { LOCAL_REVS_LIMIT } from '../../../client/platform/database.ts';
import { createDeviceFixture, waitForPreferences, waitForState } from '../testing/device.ts';
import { patchOverRest, readOverRest } from '../testing/preferences-over-rest.ts';
import { createInMemoryBrowser } from '../testing/test-server.ts';

const fixture = createDeviceFixture();
const OFFLINE_EDITS = LOCAL_REVS_LIMIT + 50;

async function readServerLeaves(username: string): Promise<readonly string[]> {
  const response = await fetch(`${fixture.server.registryUrl}/_changes?style=all_docs`, {
    headers: { authorization: `Bearer ${fixture.server.token(username)}` },
  });
  const { results } = (await response.json()) as { results: readonly { changes: readonly { rev: string }[] }[] };
  return results.flatMap(({ changes }) => changes.map(({ rev }) => rev));
}

test.each([
  ['no other device edits', 0],
  ['another device edits once', 1],
  ['others edit more often than the device', OFFLINE_EDITS + 20],
])(`${OFFLINE_EDITS} offline edits reach the server while %s`, async (_, otherEdits) => {
  const username = fixture.newUser();
  const { store, setOffline } = fixture.open(username, createInMemoryBrowser());
  const { store: other } = fixture.open(username, createInMemoryBrowser());
  await Promise.all([waitForState(store, 'live', 0), waitForState(other, 'live', 0)]);
  setOffline(true);
  await waitForState(store, 'offline');
  for (let edit = 1; edit <= OFFLINE_EDITS; edit += 1) await store.set({ selectedTags: [`offline ${edit}`] });
  for (let edit = 1; edit <= otherEdits; edit += 1)
    await patchOverRest(fixture.server, username, { selectedContexts: [`elsewhere ${edit}`] });
  setOffline(false);

  const expected = {
    selectedTags: [`offline ${OFFLINE_EDITS}`],
    ...(otherEdits === 0 ? {} : { selectedContexts: [`elsewhere ${otherEdits}`] }),
  };
  await Promise.all([waitForPreferences(store, expected), waitForPreferences(other, expected)]);
  await waitForState(store, 'live', 0);
  expect(await readOverRest(fixture.server, username)).toMatchObject(expected);
  expect(store.status().refused).toEqual([]);
  expect(await readServerLeaves(username)).toHaveLength(1);

  await store.set({ theme: 'dark' });
  await other.set({ selectedContexts: ['after'] });
  const after = { ...expected, theme: 'dark' as const, selectedContexts: ['after'] };
  await Promise.all([waitForPreferences(store, after), waitForPreferences(other, after)]);
  await Promise.all([waitForState(store, 'live', 0), waitForState(other, 'live', 0)]);
  for (const { _revisions } of (await store.inspect()).leaves)
    expect(_revisions?.ids.length).toBeLessThanOrEqual(LOCAL_REVS_LIMIT);
});
