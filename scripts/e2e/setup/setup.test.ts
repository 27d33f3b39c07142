import { describeUsersCommand } from './users-command.suite.ts';
import { describeDoctor } from './doctor.suite.ts';
import { describeConflictingState } from './conflicting-state.suite.ts';
import { describeRestore } from './restore.suite.ts';
import { describeValidateDocUpdate } from './validate-doc-update.suite.ts';
import { describeServiceAccount } from './service-account.suite.ts';
import { createSetupFixture, targets, type SetupFixture } from './testing/fixture.ts';
import { describeFreshInstall } from './fresh-install.suite.ts';

/** All that needs a server of its own settings, in one file: two files may run at once, and one would undo the other's. */
describe.each(targets())('on $name', (target) => {
  let stage: SetupFixture;
  beforeAll(async () => {
    stage = await createSetupFixture(target);
  });
  afterAll(() => stage.close());

  describe('set-up', () => describeFreshInstall(() => stage));
  describe('what is in the way', () => describeConflictingState(() => stage));
  describe('a gate as the service account', () => describeServiceAccount(() => stage));
  describe('a restore', () => describeRestore(() => stage));
  describe('the second lock', () => describeValidateDocUpdate(() => stage));
  describe('the users command as the service account', () => describeUsersCommand(() => stage));
  describe('the doctor', () => describeDoctor(() => stage));
});
