import type { ServerScope } from 'nano';
import { applySchemaStep } from '../../../upstream/schema/apply-step.ts';
import type { SecurityObject } from '../../../upstream/schema/design-documents.ts';
import { readConfigValue, restoreConfigValue, writeConfigValue } from '../observe/node-config.ts';

/** A node rejects changes to the `_security` of `_users` unless this is true on it. */
const USERS_SECURITY_EDITABLE = { section: 'couchdb', key: 'users_db_security_editable' } as const;

/** Writes a database's `_security` object, also that of `_users`. */
export async function applySecurity(
  couch: ServerScope,
  database: string,
  security: SecurityObject,
  nodes: readonly string[],
): Promise<void> {
  const step = { kind: 'set-security', database, security, acceptsStricter: false } as const;
  const apply = (): Promise<unknown> => applySchemaStep(couch, step);
  await (database === '_users' ? withEditableUsersSecurity(couch, nodes, apply) : apply());
}

/** Sets all nodes, because a load balancer may choose any of them. Restores each, also after an error. */
async function withEditableUsersSecurity(
  couch: ServerScope,
  nodes: readonly string[],
  operation: () => Promise<unknown>,
): Promise<void> {
  const restoreSettings: (() => Promise<void>)[] = [];
  try {
    for (const node of nodes) {
      const before = await readConfigValue(couch, node, USERS_SECURITY_EDITABLE);
      if (before === 'true') continue;
      restoreSettings.push(() => restoreConfigValue(couch, node, USERS_SECURITY_EDITABLE, before));
      await writeConfigValue(couch, node, USERS_SECURITY_EDITABLE, 'true');
    }
    await operation();
  } finally {
    for (const restore of restoreSettings) await restore();
  }
}
