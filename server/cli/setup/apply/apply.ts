import { randomBytes } from 'node:crypto';
import type { ServerScope } from 'nano';
import type { Upstream } from '../../../upstream/client.ts';
import { keyIdOf } from '../../../upstream/jwt-key-id.ts';
import { applySchemaStep } from '../../../upstream/schema/apply-step.ts';
import { SERVICE_ROLE } from '../../../upstream/schema/security-objects.ts';
import { withOperatorMessage } from '../../../upstream/setup-error.ts';
import { deleteConfigValue, writeConfigValue } from '../observe/node-config.ts';
import { waitForPassword } from '../observe/verify-password.ts';
import { jwtKeySetting } from '../plan/jwt-keys.ts';
import { describeStep, type Step } from '../steps.ts';
import { createAccount, deleteAccount, generatePassword, updateAccount } from './account.ts';
import { writeDesignDocument } from './design-document.ts';
import { restartListener } from './restart-listener.ts';
import { applySecurity } from './security.ts';

/** Secrets that were generated, which are shown once. */
export interface GeneratedSecrets {
  readonly password?: string;
  readonly jwtSecret?: Buffer;
}

/**
 * Applies one step.
 *
 * @returns The secrets that it generated.
 * @throws {SetupError} A sentence with the step and the reason why it failed.
 */
export function applyStep(upstream: Upstream, step: Step, nodes: readonly string[]): Promise<GeneratedSecrets> {
  return withOperatorMessage(describeStep(step), runStep(upstream, step, nodes));
}

async function runStep(upstream: Upstream, step: Step, nodes: readonly string[]): Promise<GeneratedSecrets> {
  const { couch } = upstream;
  switch (step.kind) {
    case 'create-database':
    case 'delete-design':
      await applySchemaStep(couch, step);
      return {};
    case 'set-security':
      await applySecurity(couch, step.database, step.security, nodes);
      return {};
    case 'write-design':
      await writeDesignDocument(couch, step);
      return {};
    case 'create-account':
      return withPassword(upstream, step, (password) => createAccount(couch, step.username, password));
    case 'set-password':
      return withPassword(upstream, step, (password) => updateAccount(couch, step.username, { password }));
    case 'set-roles':
      await updateAccount(couch, step.username, { roles: [SERVICE_ROLE] });
      return {};
    case 'delete-account':
      await deleteAccount(couch, step.username);
      return {};
    case 'set-config':
      await writeConfigValue(couch, step.node, step.setting, step.value);
      return {};
    case 'create-key':
      return createKey(couch, step.nodes);
    case 'delete-config':
      await deleteConfigValue(couch, step.node, step.setting);
      return {};
    case 'restart-listener':
      await restartListener(couch, step.node, step.by);
      return {};
  }
}

/** Writes the given password or a generated one, and waits until CouchDB accepts it. */
async function withPassword(
  upstream: Upstream,
  { username, password: given }: { readonly username: string; readonly password: string | undefined },
  write: (password: string) => Promise<void>,
): Promise<GeneratedSecrets> {
  const password = given ?? generatePassword();
  await write(password);
  await waitForPassword(upstream, username, password);
  return given === undefined ? { password } : {};
}

async function createKey(couch: ServerScope, nodes: readonly string[]): Promise<GeneratedSecrets> {
  const jwtSecret = randomBytes(48);
  const setting = jwtKeySetting(keyIdOf(jwtSecret));
  for (const node of nodes) await writeConfigValue(couch, node, setting, jwtSecret.toString('base64'));
  return { jwtSecret };
}
