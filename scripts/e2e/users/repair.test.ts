import { newUserDocument, userDocumentId, type Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { RepairReport } from '../../../server/cli/documents/repair-document.ts';
import type { UserReport } from '../../../server/cli/users/user-report.ts';
import { createUsersFixture, type UsersFixture } from '../../../server/testing/run-users-command.ts';
import { waitForConsistency } from '../../../server/testing/test-database.ts';

/** Documents that an operator or an older program wrote: the command makes them editable by every interface again. */

let fixture: UsersFixture;
beforeAll(async () => {
  fixture = await createUsersFixture();
});
afterAll(() => fixture.gate.close());

const registry = () => fixture.gate.registry();
const DESIGN = '_design/registry';

/**
 * Writes documents as an operator does before set-up, or an older program did: with `validate_doc_update` in place, CouchDB refuses
 * most malformed documents.
 */
async function insertUnchecked(docs: readonly object[], more: object = {}): Promise<void> {
  const { _rev: rev, ...design } = await registry().get(DESIGN);
  await registry().destroy(DESIGN, rev);
  const write = async (): Promise<boolean> => {
    const rows = await registry().bulk({ docs, ...more } as never);
    return rows.every(({ error }) => error === undefined);
  };
  await waitForConsistency(write);
  await registry().insert(design);
}
const insert = (name: Username, more: object): Promise<void> =>
  insertUnchecked([{ ...newUserDocument(name, new Date(0)), ...more }]);
const read = async (name: Username) =>
  (await registry().get(userDocumentId(name))) as unknown as Record<string, unknown>;
const bulkGet = async (name: Username): Promise<number> => {
  const docs = [{ id: userDocumentId(name) }];
  return (await fixture.gate.request(name, '/_bulk_get?revs=true', { method: 'POST', body: { docs } })).status;
};

test('a dry run shows what would change and writes nothing; the repair does it once', async () => {
  const name = fixture.newName();
  await insert(name, { type: 'prefs', preferences: { theme: 'dark', drak: 1 }, edits: { theme: 'now' }, note: 'x' });
  const before = await read(name);
  const dry = await fixture.runSuccessfully(['repair', name, '--dry-run']);
  expect(dry.split('\n')).toEqual([
    `user_${name} would be repaired:`,
    '  edits.theme: "now" → (none)',
    '  note: "x" → (none)',
    '  type: "prefs" → "user_preferences"',
  ]);
  expect(await read(name)).toEqual(before);
  const repaired = await fixture.runSuccessfully(['repair', name]);
  expect(repaired).toBe(dry.replace('would be', 'is'));
  const after = await read(name);
  expect(after).toMatchObject({ type: 'user_preferences', preferences: { theme: 'dark', drak: 1 }, edits: {} });
  expect(after).not.toHaveProperty('note');
  expect(await fixture.runSuccessfully(['repair', name])).toBe(`user_${name} needs no repair.`);
  expect((await read(name))['_rev']).toBe(after['_rev']);
});

test('a document with a secret is replicated again after the repair, and nothing printed contains the secret', async () => {
  const name = fixture.newName();
  const edits = { apiToken: '2026-01-01T00:00:00.000Z-0000-aaaaa' };
  await insert(name, {
    preferences: { theme: 'dark', apiToken: 's3cret-token', filterPresets: [{ name: 'a', password: 's3cret-pw' }] },
    edits,
  });
  expect(await bulkGet(name)).toBe(403);
  const { code, stdout, stderr } = await fixture.run(['repair', name]);
  expect(code).toBe(0);
  expect(stdout).toContain('preferences.apiToken: (withheld: looks like a secret) → (none)');
  expect(stderr).toContain('Change the secrets that were removed');
  expect(stdout + stderr).not.toContain('s3cret');
  expect(JSON.stringify(await read(name))).not.toContain('s3cret');
  await waitForConsistency(async () => (await bulkGet(name)) === 200);
  expect((await fixture.runJson<UserReport>(['show', name])).document).toMatchObject({
    preferences: { theme: 'dark' },
  });
});

test('a conflict of malformed revisions is merged, and no value is lost', async () => {
  const name = fixture.newName();
  const base = newUserDocument(name, new Date(0));
  const leaf = (digit: string, preferences: object, more = {}) => ({
    ...base,
    _rev: `1-${digit.repeat(32)}`,
    preferences,
    ...more,
  });
  const docs = [
    leaf('a', { theme: 'dark' }, { edits: null }),
    leaf('b', { viewMode: 'table' }),
    leaf('c', { drak: 1 }),
  ];
  await insertUnchecked(docs, { new_edits: false });
  const report = await fixture.runJson<RepairReport>(['repair', name]);
  expect(report).toMatchObject({ merged: 2, left: [] });
  const [stored] = (
    await registry().list({ keys: [userDocumentId(name)], include_docs: true, conflicts: true } as never)
  ).rows;
  expect(stored?.doc).toMatchObject({ preferences: { theme: 'dark', viewMode: 'table', drak: 1 }, edits: {} });
  expect(stored?.doc).not.toHaveProperty('_conflicts');
});

test('a document of a newer version is left as it is, and the exit code reports it', async () => {
  const name = fixture.newName();
  await insert(name, { version: 9 });
  const before = await read(name);
  const { code, stdout } = await fixture.run(['repair', name]);
  expect([code, stdout]).toEqual([1, expect.stringContaining('version 9, newer than this program can read')]);
  expect(await read(name)).toEqual(before);
  await registry().destroy(userDocumentId(name), String(before['_rev']));
});

test('old deleted leaves are purged where the database can, and the newest stay', async () => {
  const name = fixture.newName();
  await insert(name, { preferences: { theme: 'dark' } });
  const docs = Array.from({ length: 40 }, (_, index) => {
    const rev = `2-${index.toString(16).padStart(32, '0')}`;
    return {
      _id: userDocumentId(name),
      _rev: rev,
      _deleted: true,
      _revisions: { start: 2, ids: [rev.slice(2), 'f'.repeat(32)] },
    };
  });
  await insertUnchecked(docs, { new_edits: false });
  const leaves = async (): Promise<number> => {
    const rows = (await fixture.gate.upstream
      .registry()
      .get(userDocumentId(name), { open_revs: 'all' } as never)) as unknown;
    return (rows as unknown[]).length;
  };
  expect(await leaves()).toBe(41);
  const { code, stdout } = await fixture.run(['repair', name]);
  if (fixture.gate.upstream.kind === 'couchdb') {
    expect([code, stdout]).toEqual([0, expect.stringContaining('24 old deleted revisions are purged')]);
    await waitForConsistency(async () => (await leaves()) === 17);
  }
  expect((await read(name))['preferences']).toEqual({ theme: 'dark' });
  await registry().destroy(userDocumentId(name), String((await read(name))['_rev']));
});

test('--all repairs every document with a fault, and no other', async () => {
  const [sound, malformed, older] = [fixture.newName(), fixture.newName(), fixture.newName()];
  await insert(sound, { preferences: { theme: 'dark', unknown: 1 } });
  await insert(malformed, { updated_at: 'today' });
  await insertUnchecked([{ _id: userDocumentId(older), username: older, preferences: { theme: 'light' } }]);
  const revision = (await read(sound))['_rev'];
  const dry = JSON.parse((await fixture.run(['repair', '--all', '--dry-run', '--json'])).stdout) as {
    documents: RepairReport[];
  };
  expect(dry.documents.map(({ id }) => id).sort()).toEqual([malformed, older].map(userDocumentId).sort());
  expect((await fixture.run(['repair', '--all'])).stdout).toContain('2 documents are repaired.');
  expect((await read(malformed))['updated_at']).toBe('1970-01-01T00:00:00.000Z');
  expect(await read(older)).toMatchObject({ version: 1, preferences: { theme: 'light' } });
  expect((await read(sound))['_rev']).toBe(revision);
  expect((await fixture.run(['repair', '--all'])).stdout).toContain('0 documents are repaired.');
});

test('validate_doc_update lets some malformed documents through, and their users can still edit them', async () => {
  const name = fixture.newName();
  // The 30th of February, a null, and the last year of the format.
  const edits = { theme: '2026-02-30T00:00:00.000Z-0000-aaaaa', viewMode: '9999-12-31T23:59:59.999Z-ffff-zzzzz' };
  const preferences = { theme: 'dark', viewMode: 'table', timezone: null };
  await registry().insert({ ...newUserDocument(name, new Date(0)), preferences, edits } as never);
  const report = await fixture.runJson<RepairReport>(['repair', name, '--dry-run']);
  expect(report.changes.map(({ path }) => path)).toEqual(['edits.theme', 'edits.viewMode', 'preferences.timezone']);
  await fixture.runSuccessfully(['set', name, 'viewMode', 'graph']);
  expect((await fixture.runJson<UserReport>(['show', name])).document).toMatchObject({
    preferences: { theme: 'dark', viewMode: 'graph' },
  });
});
