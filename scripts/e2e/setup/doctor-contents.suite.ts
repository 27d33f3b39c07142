import { newUserDocument, parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import type { Finding } from '../../../server/cli/doctor/finding.ts';
import { readDatabaseDesign } from '../../../server/upstream/schema/design-documents.ts';
import { addContentHash } from '../../../server/upstream/schema/design-hash.ts';
import { viewWarmupDesign } from '../../../server/upstream/schema/view-warmup-design.ts';
import { eventually } from '../../../server/testing/fake-couchdb.ts';
import type { DoctorRun } from './testing/doctor-run.ts';
import type { SetupFixture } from './testing/fixture.ts';

type Json = Record<string, unknown>;

function userDocument(name: string, more: Json = {}): Json & { _id: string } {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username.`);
  return { ...newUserDocument(username, new Date()), ...more };
}

/** The checks of what the databases contain: access rules, design documents, documents. */
export function describeContentChecks(fixture: () => SetupFixture, doctor: () => DoctorRun): void {
  const registry = () => fixture().couch.use<Json>(fixture().names.registry);

  it('reports a database that admits an unexpected role', async () => {
    const { couch, names, newName } = fixture();
    const role = newName();
    const request = { db: names.registry, path: '_security' };
    const before: unknown = await couch.request(request);
    const open = {
      admins: { names: [], roles: ['_admin'] },
      members: { names: [], roles: ['registry_user', 'pouchgate_service', role] },
    };
    await couch.request({ ...request, method: 'PUT', body: open });
    expect(await doctor().findErrors()).toEqual([
      `_security of ${names.registry}: ${names.registry} admits the role ${role}. Run "npm run setup -- --replace" to remove them.`,
    ]);
    await couch.request({ ...request, method: 'PUT', body: before });
  });

  it('reports design documents that were changed, are left over, or are foreign', async () => {
    const ours = await registry().get('_design/registry');
    const [design] = (await readDatabaseDesign()).designs;
    if (design === undefined) throw new Error('There is no design document.');
    const left = addContentHash(viewWarmupDesign(design));
    await registry().insert({ ...ours, validate_doc_update: 'function () {}' });
    const inserted = [
      await registry().insert(left),
      await registry().insert({ _id: '_design/theirs', language: 'javascript', validate_doc_update: 'function () {}' }),
    ];
    // Without the check CouchDB stores a user's write to another user's document, which the doctor deletes again.
    await eventually(async () =>
      (await doctor().findErrors()).some((error) => error.startsWith("users' writes: CouchDB stores")),
    );
    expect(await doctor().findErrors()).toEqual([
      expect.stringMatching(/^users' writes: CouchDB stores/),
      expect.stringMatching(/^_design\/registry: .* was changed by hand\. Run "npm run setup -- --replace"/),
      expect.stringMatching(/^_design\/registry_being_built: .* left over from an unfinished set-up/),
      expect.stringMatching(/^_design\/theirs: .* checks every write/),
    ]);
    for (const { id, rev } of inserted) await registry().destroy(id, rev);
    await registry().insert({ ...ours, _rev: (await registry().get('_design/registry'))._rev });
    await eventually(async () => (await doctor().findErrors()).length === 0);
    const stored = (await registry().list()).rows.filter(({ id }) => id.startsWith('user_doctor-'));
    expect(stored).toEqual([]);
  });

  it('reports documents with secrets, of a newer version, and in conflict', async () => {
    const exposed = await registry().insert(userDocument('exposed', { preferences: { apiToken: 'sesame' } }));
    const newer = await registry().insert(userDocument('newer', { version: 7 }));
    await registry().bulk({
      docs: ['a', 'b', 'c'].map((id) => userDocument('torn', { _rev: `1-${id.repeat(32)}` })),
      new_edits: false,
    });
    const { findings } = await doctor().findAll();
    const findingOf = (check: string): Finding | undefined => findings.find((finding) => finding.check === check);
    expect(findingOf('secrets')).toMatchObject({
      state: 'wrong',
      sentence: expect.stringContaining('user_exposed (preferences.apiToken).') as string,
    });
    expect(findingOf('versions')).toMatchObject({
      state: 'wrong',
      sentence: expect.stringContaining(
        'of a newer version than this one, or has attachments. Update the gates',
      ) as string,
    });
    expect(findingOf('conflicts')).toMatchObject({
      state: 'told',
      sentence: expect.stringContaining('the worst user_torn with 3 leaves') as string,
    });
    expect(JSON.stringify(findings)).not.toContain('sesame');
    for (const { id, rev } of [exposed, newer]) await registry().destroy(id, rev);
    expect(await doctor().findErrors()).toEqual([]);
  });

  it('reports malformed, oversize and hidden content, which validate_doc_update lets through', async () => {
    const inserted = await Promise.all([
      // There is no such day, so it is no stamp.
      registry().insert(userDocument('misdated', { edits: { theme: '2026-02-30T00:00:00.000Z-0000-aaaaa' } })),
      registry().insert(userDocument('hoarder', { preferences: { notes: 'x'.repeat(70_000) } })),
      registry().insert(userDocument('typist', { preferences: { drak: 'sesame' } })),
    ]);
    const { code, findings } = await doctor().findAll();
    const statesOf = (text: string) =>
      findings.filter(({ sentence }) => sentence.includes(text)).map(({ check, state }) => `${check}: ${state}`);
    expect(code).toBe(1);
    expect(statesOf('user_misdated (edits.theme)')).toEqual(['malformed documents: wrong']);
    expect(statesOf('user_hoarder')).toEqual(['document sizes: wrong', 'hidden values: told']);
    expect(statesOf('user_typist (preferences.drak)')).toEqual(['hidden values: told']);
    expect(JSON.stringify(findings)).not.toContain('sesame');
    for (const { id, rev } of inserted) await registry().destroy(id, rev);
    expect(await doctor().findErrors()).toEqual([]);
  });
}
