import { describeUsersCommand } from './users-command.suite.ts';
import { describeDoctor } from './doctor.suite.ts';
import { describeConflictingState } from './conflicting-state.suite.ts';
import { describeRestore } from './restore.suite.ts';
import { describeValidateDocUpdate } from './validate-doc-update.suite.ts';
import { describeServiceAccount } from './service-account.suite.ts';
import { createSetupFixture, targets, type SetupFixture } from './testing/fixture.ts';
import { describeRotation } from './rotation.suite.ts';
import { describeFreshInstall } from './fresh-install.suite.ts';

/** All suites that change a server's settings. They share one file, because files run concurrently and would interfere. */
describe.each(targets())('on $name', (target) => {
  let fixture: SetupFixture;
  beforeAll(async () => {
    fixture = await createSetupFixture(target);
  });
  afterAll(() => fixture.close());

  describe('set-up', () => describeFreshInstall(() => fixture));
  describe('conflicting state', () => describeConflictingState(() => fixture));
  describe('a gate as the service account', () => describeServiceAccount(() => fixture));
  describe('rotation of secrets', () => describeRotation(() => fixture));
  describe('a restore', () => describeRestore(() => fixture));
  describe('validate_doc_update', () => describeValidateDocUpdate(() => fixture));
  describe('the users command as the service account', () => describeUsersCommand(() => fixture));
  describe('the doctor', () => describeDoctor(() => fixture));
});
