import { randomBytes } from 'node:crypto';
import type { ServerScope } from 'nano';
import { statusOf, type Upstream } from '../../../upstream/client.ts';
import { keyIdOf } from '../../../upstream/jwt-key-id.ts';
import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import { inWords } from '../../../upstream/setup-error.ts';
import { changeAccount, makeAccount, newPassword } from './account.ts';
import { applyDesign, removeDesign } from './design-document.ts';
import { applySecurity } from './security.ts';
import { whenPassword } from '../observe/verify-password.ts';
import { listenAnew } from './restart-listener.ts';
import { deleteSetting, putSetting } from '../observe/node-config.ts';
import { keySetting } from '../plan/jwt-keys.ts';
import { wordsFor, type Step } from '../steps.ts';

/** What was made on the way and is to be shown once. */
export interface Made {
  readonly password?: string;
  readonly jwtSecret?: Buffer;
}

/** Does one step. Rejects with a sentence that says which, and why it failed. */
export function applyStep(upstream: Upstream, step: Step, nodes: readonly string[]): Promise<Made> {
  return inWords(wordsFor(step), apply(upstream, step, nodes));
}

async function apply(upstream: Upstream, step: Step, nodes: readonly string[]): Promise<Made> {
  const { couch } = upstream;
  switch (step.kind) {
    case 'make-database':
      await makeDatabase(couch, step.name);
      return {};
    case 'set-security':
      await applySecurity(couch, step.database, step.security, nodes);
      return {};
    case 'write-design':
      await applyDesign(couch, step.database, step.design, step.warm);
      return {};
    case 'remove-design':
      await removeDesign(couch, step.database, step.id);
      return {};
    case 'make-account': {
      const password = step.password ?? newPassword();
      await makeAccount(couch, step.username, password);
      await whenPassword(upstream, step.username, password);
      return step.password === undefined ? { password } : {};
    }
    case 'set-password': {
      const password = step.password ?? newPassword();
      await changeAccount(couch, step.username, { password });
      await whenPassword(upstream, step.username, password);
      return step.password === undefined ? { password } : {};
    }
    case 'set-roles':
      await changeAccount(couch, step.username, { roles: [SERVICE_ROLE] });
      return {};
    case 'set':
      await putSetting(couch, step.node, step.setting, step.value);
      return {};
    case 'make-key': {
      const jwtSecret = randomBytes(48);
      const setting = keySetting(keyIdOf(jwtSecret));
      for (const node of step.nodes) await putSetting(couch, node, setting, jwtSecret.toString('base64'));
      return { jwtSecret };
    }
    case 'unset':
      await deleteSetting(couch, step.node, step.setting);
      return {};
    case 'listen-anew':
      await listenAnew(couch, step.node);
      return {};
  }
}

/** That another has just made it is as good. */
async function makeDatabase(couch: ServerScope, name: string): Promise<void> {
  try {
    await couch.db.create(name);
  } catch (error) {
    if (statusOf(error) !== 412) throw error;
  }
}
