import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import type { CurrentState } from '../current-state.ts';
import type { PlanItem, Plan } from '../steps.ts';
import type { DesiredState } from '../desired-state.ts';

/** The account as which gates work. */
export function planAccount({ account }: Pick<CurrentState, 'account'>, desired: DesiredState): Plan {
  const { service, admin, allowed } = desired;
  const { username, password } = service;
  const blockers: string[] = [];
  if (username === admin) {
    blockers.push(
      `The service account would be ${username}, who is a server admin; give another name in SERVICE_USER.`,
    );
  }
  if (!account.exists)
    return { items: [{ kind: 'step', step: { kind: 'make-account', username, password } }], blockers };

  const { roles } = account;
  if (!roles.includes(SERVICE_ROLE)) {
    blockers.push(
      `There is an account ${username} already, and it is not Pouchgate's service account; give another name in SERVICE_USER.`,
    );
  }
  const items: PlanItem[] = [{ kind: 'found', sentence: `the service account ${username}` }];
  const extraRoles = roles.filter((role) => role !== SERVICE_ROLE);
  if (extraRoles.length > 0) {
    items.push({ kind: 'step', step: { kind: 'set-roles', username } });
    if (!allowed.replace) {
      blockers.push(
        `The service account ${username} also has the role ${extraRoles.join(', ')}, more than it needs; run with --replace to take that away.`,
      );
    }
  }
  if (allowed.newPassword) items.push({ kind: 'step', step: { kind: 'set-password', username, password } });
  else if (account.password === 'wrong') {
    blockers.push(
      `SERVICE_PASSWORD is not the password of the account ${username}; give the right one, or run with --new-password to change it.`,
    );
  }
  return { items, blockers };
}
