import { randomBytes } from 'node:crypto';
import { doctorCommand } from '../../../server/cli/doctor/command.ts';
import { describeContentChecks } from './doctor-contents.suite.ts';
import { describeSettingChecks } from './doctor-settings.suite.ts';
import { prepareDoctor, withSetting, type DoctorRun } from './testing/doctor-run.ts';
import type { SetupFixture } from './testing/fixture.ts';

/** Each test creates a fault, expects the doctor to report it and its correction, and removes it. */
export function describeDoctor(fixture: () => SetupFixture): void {
  let doctor: DoctorRun;
  beforeAll(async () => {
    doctor = await prepareDoctor(fixture());
  });

  it('finds nothing wrong after set-up, and checks everything with an administrator', async () => {
    const { findings } = await doctor.findAll();
    expect(await doctor.findErrors()).toEqual([]);
    expect(findings.filter(({ state }) => state === 'not-checked')).toEqual([]);
    const checks = findings.map(({ check }) => check);
    for (const check of [
      'version',
      'admin party',
      'require_valid_user',
      'clock',
      'JWT handler',
      'key',
      "users' tokens",
      "users' reads",
      "users' writes",
      'expired tokens',
      'revs_limit',
      "users' passwords",
      'secrets',
      'conflicts',
      'versions',
      'leaves',
    ])
      expect(checks).toContain(check);
  });

  it('reports what only an administrator may read as not checked', async () => {
    const { findings } = await doctor.findAll({});
    expect(await doctor.findErrors({})).toEqual([]);
    const unchecked = findings.filter(({ state }) => state === 'not-checked');
    expect(unchecked.map(({ check }) => check)).toEqual(['settings', "users' passwords"]);
    for (const { sentence } of unchecked) expect(sentence).toContain('COUCHDB_ADMIN_USER');
  });

  it('deletes its test account', async () => {
    const { couch } = fixture();
    const { update_seq: since } = await couch.db.get('_users');
    await doctor.findAll();
    // Other tests may create accounts at the same time.
    const { results } = await couch.use('_users').changes({ since });
    const own = results.filter(({ id }) => id.startsWith('org.couchdb.user:Doctor-'));
    expect(own.map(({ deleted }) => deleted)).toEqual([true]);
  });

  it('reports a key that CouchDB does not have', async () => {
    expect(
      await doctor.findErrors({ ...doctor.admin, COUCHDB_JWT_SECRET: randomBytes(32).toString('base64') }),
    ).toContainEqual(expect.stringMatching(/^key: CouchDB does not accept tokens .*Unknown kid.*Run "npm run setup"/));
  });

  it("reports users' tokens that CouchDB itself accepts", async () => {
    const { JWT_SECRET: secret = '' } = doctor.env;
    const value = Buffer.from(secret).toString('base64');
    await withSetting(fixture(), { section: 'jwt_keys', key: 'hmac:_default', value }, async () => {
      const found = await doctor.findErrors();
      expect(found).toContainEqual(expect.stringMatching(/^users' tokens: .*JWT_SECRET is one of its \[jwt_keys\]/));
      const rotated = { ...doctor.env, JWT_SECRET: randomBytes(32).toString('hex'), JWT_SECRETS_ACCEPTED: secret };
      const foundAccepted = await doctor.findErrors(rotated);
      expect(foundAccepted).toContainEqual(
        expect.stringMatching(/^users' tokens: .*JWT_SECRETS_ACCEPTED is one of its \[jwt_keys\]/),
      );
    });
    expect(await doctor.findErrors()).toEqual([]);
  });

  it('reports a missing database and wrong credentials', async () => {
    const { newName } = fixture();
    const missing = newName();
    const found = await doctor.findErrors({ ...doctor.admin, REGISTRY_DB: missing });
    expect(found).toContainEqual(
      `_security of ${missing}: The database ${missing} does not exist. Run "npm run setup".`,
    );
    const unknown = newName();
    expect(await doctor.findErrors({ COUCHDB_USER: unknown, COUCHDB_PASSWORD: 'x' })).toEqual([
      expect.stringContaining(`reachable: CouchDB at ${fixture().access.url} rejects COUCHDB_USER ${unknown}`),
    ]);
  });

  it('prints a line for each finding and a summary, without secrets', async () => {
    const lines: string[] = [];
    const options = {
      argv: [],
      env: { ...doctor.env, ...doctor.admin },
      printError: (line: string) => lines.push(line),
    };
    await doctorCommand({ ...options, print: (line) => lines.push(line) });
    expect(lines).toContain(`good         CouchDB responds at ${fixture().access.url}.`);
    expect(lines.at(-1)).toMatch(/^(No problems found|One problem found)\.$/);
    for (const value of ['COUCHDB_JWT_SECRET', 'COUCHDB_PASSWORD', 'JWT_SECRET'].map((name) => doctor.env[name] ?? ''))
      expect(lines.join('\n')).not.toContain(value);
  });

  describe('settings', () => describeSettingChecks(fixture, () => doctor));
  describe('contents', () => describeContentChecks(fixture, () => doctor));
}
