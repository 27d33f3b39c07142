import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import type { CurrentState } from '../current-state.ts';
import type { DesiredState } from '../desired-state.ts';
import type { Plan, PlanItem } from '../steps.ts';

/** Plans the service account, which the gates use, and the removal of a former one. */
export function planAccounts(
  { account, accountToRemove }: Pick<CurrentState, 'account' | 'accountToRemove'>,
  desired: DesiredState,
): Plan {
  const service = planServiceAccount(account, desired);
  const removal = planRemoval(accountToRemove, desired);
  return { items: [...service.items, ...removal.items], blockers: [...service.blockers, ...removal.blockers] };
}

function planRemoval(account: CurrentState['accountToRemove'], { accountToRemove, service }: DesiredState): Plan {
  if (account === undefined || accountToRemove === undefined) return { items: [], blockers: [] };
  const username = accountToRemove;
  if (username === service.username) {
    return {
      items: [],
      blockers: [`${username} is the account in SERVICE_USER. Set SERVICE_USER to the account that the gates use now.`],
    };
  }
  if (!account.exists) {
    return { items: [{ kind: 'found', sentence: `that there is no account ${username}` }], blockers: [] };
  }
  return account.roles.length === 1 && account.roles[0] === SERVICE_ROLE
    ? { items: [{ kind: 'step', step: { kind: 'delete-account', username } }], blockers: [] }
    : { items: [], blockers: [`The account ${username} is not a service account of Pouchgate, and is not removed.`] };
}

function planServiceAccount(account: CurrentState['account'], desired: DesiredState): Plan {
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
