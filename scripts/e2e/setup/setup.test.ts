import { describeUsersCommand } from './users-command.suite.ts';
import { describeDoctor } from './doctor.suite.ts';
import { describeInTheWay } from './conflicting-state.suite.ts';
import { describeRestore } from './restore.suite.ts';
import { describeSecondLock } from './validate-doc-update.suite.ts';
import { describeService } from './service-account.suite.ts';
import { openStage, targets, type Stage } from './testing/stage.ts';
import { describeWhole } from './fresh-install.suite.ts';

/** All that needs a server of its own settings, in one file: two files may run at once, and one would undo the other's. */
describe.each(targets())('on $name', (target) => {
  let stage: Stage;
  beforeAll(async () => {
    stage = await openStage(target);
  });
  afterAll(() => stage.close());

  describe('set-up', () => describeWhole(() => stage));
  describe('what is in the way', () => describeInTheWay(() => stage));
  describe('a gate as the service account', () => describeService(() => stage));
  describe('a restore', () => describeRestore(() => stage));
  describe('the second lock', () => describeSecondLock(() => stage));
  describe('the users command as the service account', () => describeUsersCommand(() => stage));
  describe('the doctor', () => describeDoctor(() => stage));
});
