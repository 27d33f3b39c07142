import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import type { Observed } from '../current-state.ts';
import type { Item, Plan } from '../steps.ts';
import type { Wanted } from '../desired-state.ts';

/** The account as which gates work. */
export function planAccount({ account }: Pick<Observed, 'account'>, wanted: Wanted): Plan {
  const { service, admin, allowed } = wanted;
  const { username, password } = service;
  const refusals: string[] = [];
  if (username === admin) {
    refusals.push(
      `The service account would be ${username}, who is a server admin; give another name in SERVICE_USER.`,
    );
  }
  if (!account.exists)
    return { items: [{ kind: 'step', step: { kind: 'make-account', username, password } }], refusals };

  const { roles } = account;
  if (!roles.includes(SERVICE_ROLE)) {
    refusals.push(
      `There is an account ${username} already, and it is not Pouchgate's service account; give another name in SERVICE_USER.`,
    );
  }
  const items: Item[] = [{ kind: 'found', sentence: `the service account ${username}` }];
  const others = roles.filter((role) => role !== SERVICE_ROLE);
  if (others.length > 0) {
    items.push({ kind: 'step', step: { kind: 'set-roles', username } });
    if (!allowed.replace) {
      refusals.push(
        `The service account ${username} also has the role ${others.join(', ')}, more than it needs; run with --replace to take that away.`,
      );
    }
  }
  if (allowed.newPassword) items.push({ kind: 'step', step: { kind: 'set-password', username, password } });
  else if (account.password === 'wrong') {
    refusals.push(
      `SERVICE_PASSWORD is not the password of the account ${username}; give the right one, or run with --new-password to change it.`,
    );
  }
  return { items, refusals };
}
