import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import type { CurrentState } from '../current-state.ts';
import type { DesiredState } from '../desired-state.ts';
import type { Plan, PlanItem } from '../steps.ts';

/** Plans the service account, which the gates use. */
export function planAccount({ account }: Pick<CurrentState, 'account'>, desired: DesiredState): Plan {
  const { service, admin, allowed } = desired;
  const { username, password } = service;
  const blockers: string[] = [];
  if (username === admin) {
    blockers.push(`SERVICE_USER is ${username}, which is a server admin. Choose another name for the service account.`);
  }
  if (!account.exists)
    return { items: [{ kind: 'step', step: { kind: 'create-account', username, password } }], blockers };

  const { roles } = account;
  if (!roles.includes(SERVICE_ROLE)) {
    blockers.push(
      `An account ${username} already exists, and is not Pouchgate's service account. Choose another name in SERVICE_USER.`,
    );
  }
  const items: PlanItem[] = [{ kind: 'found', sentence: `the service account ${username}` }];
  const extraRoles = roles.filter((role) => role !== SERVICE_ROLE);
  if (extraRoles.length > 0) {
    items.push({ kind: 'step', step: { kind: 'set-roles', username } });
    if (!allowed.replace) {
      blockers.push(
        `The service account ${username} also has the role ${extraRoles.join(', ')}, which it does not need. Run with --replace to remove it.`,
      );
    }
  }
  if (allowed.newPassword) items.push({ kind: 'step', step: { kind: 'set-password', username, password } });
  else if (account.password === 'wrong') {
    blockers.push(
      `SERVICE_PASSWORD is not the password of the account ${username}. Provide the right one, or run with --new-password to change it.`,
    );
  }
  return { items, blockers };
}
