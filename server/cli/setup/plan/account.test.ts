import fc from 'fast-check';
import { FORMER_ACCOUNT, plannedSteps, readAnyCase, type SetupCase } from './testing/setup-cases.ts';

let anyCase: fc.Arbitrary<SetupCase>;
beforeAll(async () => {
  anyCase = await readAnyCase();
});

test('removes a former account only if it is a service account and not the current one', () => {
  fc.assert(
    fc.property(anyCase, fc.boolean(), ({ current, desired }, isCurrent) => {
      const username = isCurrent ? FORMER_ACCOUNT : desired.service.username;
      const steps = plannedSteps({ current, desired: { ...desired, service: { username, password: undefined } } });
      const removed = steps.filter((step) => step.kind === 'delete-account');
      const former = current.accountToRemove;
      const isRemovable = former?.exists === true && former.roles.join() === 'pouchgate_service' && !isCurrent;
      expect(removed).toEqual(isRemovable ? [{ kind: 'delete-account', username: FORMER_ACCOUNT }] : []);
    }),
  );
});
