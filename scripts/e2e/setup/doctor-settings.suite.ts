import { readClusterNodes, readConfigValue, writeConfigValue } from '../../../server/cli/setup/observe/node-config.ts';
import { withSetting, type DoctorRun } from './testing/doctor-run.ts';
import type { SetupFixture } from './testing/fixture.ts';

/** The checks of CouchDB's settings. */
export function describeSettingChecks(fixture: () => SetupFixture, doctor: () => DoctorRun): void {
  it('reports a JWT handler that is not set', async () => {
    const setting = { section: 'chttpd', key: 'authentication_handlers' };
    const [node] = await readClusterNodes(fixture().couch);
    if (node === undefined) throw new Error('There is no node.');
    const before = await readConfigValue(fixture().couch, node.name, setting);
    await writeConfigValue(fixture().couch, node.name, setting, '{chttpd_auth, default_authentication_handler}');
    const found = await doctor().findErrors();
    await writeConfigValue(fixture().couch, node.name, setting, before ?? '');
    expect(found).toContainEqual(expect.stringContaining(`JWT handler: The JWT handler is not set on ${node.name}`));
  });

  it.each([
    ['couchdb', 'max_document_size', '1500000', /^document size: .* is 1500000 bytes on .*raise it to 1572864/],
    ['chttpd', 'max_http_request_size', '4000000', /^request size: .* is 4000000 bytes on .*raise it to 4194304/],
    ['couchdb', 'changes_doc_ids_optimization_threshold', '10', /^id threshold: .*COUCHDB_DOC_IDS_THRESHOLD=10/],
    ['couchdb', 'default_security', 'everyone', /^new databases: .*Remove the setting/],
    ['jwt_auth', 'required_claims', 'kid', /^required claims: .*accepts expired tokens\. Set it to exp/],
  ])('reports [%s] %s = %s', async (section, key, value, expected) => {
    await withSetting(fixture(), { section, key, value }, async () => {
      expect(await doctor().findErrors()).toContainEqual(expect.stringMatching(expected));
    });
    expect(await doctor().findErrors()).toEqual([]);
  });

  it('reports required claims that the tokens do not have', async () => {
    // No gate on this server could send requests as a user.
    if (fixture().isShared) return;
    await withSetting(
      fixture(),
      { section: 'jwt_auth', key: 'required_claims', value: 'exp, {iss, "https://example.org"}' },
      async () => {
        expect(await doctor().findErrors()).toContainEqual(
          expect.stringMatching(/^required claims: .*the gates' tokens have no iss.*Set it to exp/),
        );
        const { code, errorLines } = await fixture().run();
        expect([code, errorLines.join()]).toEqual([1, expect.stringContaining("the gates' tokens have no iss")]);
      },
    );
  });

  it('accepts a lowered threshold of ids that the gates know, and set-up prints it for them', async () => {
    await withSetting(
      fixture(),
      { section: 'couchdb', key: 'changes_doc_ids_optimization_threshold', value: '10' },
      async () => {
        const { environment, outputLines } = await fixture().run();
        expect(environment['COUCHDB_DOC_IDS_THRESHOLD']).toBe('10');
        expect(outputLines).toContainEqual(expect.stringMatching(/^note .*Set COUCHDB_DOC_IDS_THRESHOLD=10/));
        const known = { ...doctor().admin, COUCHDB_DOC_IDS_THRESHOLD: '10' };
        expect(await doctor().findErrors(known)).toEqual([]);
      },
    );
    expect((await fixture().run()).environment).not.toHaveProperty('COUCHDB_DOC_IDS_THRESHOLD');
  });
}
