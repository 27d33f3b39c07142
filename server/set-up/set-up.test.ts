import { describeDoctor } from './acceptance/doctor.ts';
import { describeInTheWay } from './acceptance/in-the-way.ts';
import { describeRestore } from './acceptance/restore.ts';
import { describeSecondLock } from './acceptance/second-lock.ts';
import { describeService } from './acceptance/service.ts';
import { openStage, targets, type Stage } from './acceptance/stage.ts';
import { describeWhole } from './acceptance/whole.ts';

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
  describe('the doctor', () => describeDoctor(() => stage));
});
