import { randomBytes } from 'node:crypto';
import type { ServerScope } from 'nano';
import { statusOf, type Upstream } from '../../../upstream/client.ts';
import { keyIdOf } from '../../../upstream/jwt-key-id.ts';
import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import { withOperatorMessage } from '../../../upstream/setup-error.ts';
import { updateAccount, createAccount, generatePassword } from './account.ts';
import { writeDesignDocument, deleteDesignDocument } from './design-document.ts';
import { applySecurity } from './security.ts';
import { waitForPassword } from '../observe/verify-password.ts';
import { restartListener } from './restart-listener.ts';
import { deleteConfigValue, writeConfigValue } from '../observe/node-config.ts';
import { jwtKeySetting } from '../plan/jwt-keys.ts';
import { describeStep, type Step } from '../steps.ts';

/** What was made on the way and is to be shown once. */
export interface GeneratedSecrets {
  readonly password?: string;
  readonly jwtSecret?: Buffer;
}

/** Does one step. Rejects with a sentence that says which, and why it failed. */
export function applyStep(upstream: Upstream, step: Step, nodes: readonly string[]): Promise<GeneratedSecrets> {
  return withOperatorMessage(describeStep(step), runStep(upstream, step, nodes));
}

async function runStep(upstream: Upstream, step: Step, nodes: readonly string[]): Promise<GeneratedSecrets> {
  const { couch } = upstream;
  switch (step.kind) {
    case 'make-database':
      await createDatabase(couch, step.name);
      return {};
    case 'set-security':
      await applySecurity(couch, step.database, step.security, nodes);
      return {};
    case 'write-design':
      await writeDesignDocument(couch, step.database, step.design, step.buildViewsFirst);
      return {};
    case 'remove-design':
      await deleteDesignDocument(couch, step.database, step.id);
      return {};
    case 'make-account': {
      const password = step.password ?? generatePassword();
      await createAccount(couch, step.username, password);
      await waitForPassword(upstream, step.username, password);
      return step.password === undefined ? { password } : {};
    }
    case 'set-password': {
      const password = step.password ?? generatePassword();
      await updateAccount(couch, step.username, { password });
      await waitForPassword(upstream, step.username, password);
      return step.password === undefined ? { password } : {};
    }
    case 'set-roles':
      await updateAccount(couch, step.username, { roles: [SERVICE_ROLE] });
      return {};
    case 'set':
      await writeConfigValue(couch, step.node, step.setting, step.value);
      return {};
    case 'make-key': {
      const jwtSecret = randomBytes(48);
      const setting = jwtKeySetting(keyIdOf(jwtSecret));
      for (const node of step.nodes) await writeConfigValue(couch, node, setting, jwtSecret.toString('base64'));
      return { jwtSecret };
    }
    case 'unset':
      await deleteConfigValue(couch, step.node, step.setting);
      return {};
    case 'listen-anew':
      await restartListener(couch, step.node);
      return {};
  }
}

/** That another has just made it is as good. */
async function createDatabase(couch: ServerScope, name: string): Promise<void> {
  try {
    await couch.db.create(name);
  } catch (error) {
    if (statusOf(error) !== 412) throw error;
  }
}
