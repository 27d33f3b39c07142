import type { ServerScope } from 'nano';
import type { SecurityObject } from '../../../upstream/schema/design-documents.ts';
import { writeConfigValue, readConfigValue, restoreConfigValue } from '../observe/node-config.ts';

/** Keeps the `_security` of `_users` from being changed unless it is true, on the node that is asked. */
const USERS_SECURITY_EDITABLE = { section: 'couchdb', key: 'users_db_security_editable' } as const;

export async function applySecurity(
  couch: ServerScope,
  db: string,
  security: SecurityObject,
  nodes: readonly string[],
): Promise<void> {
  const put = (): Promise<unknown> => couch.request({ method: 'PUT', db, path: '_security', body: security });
  await (db === '_users' ? withEditableUsersSecurity(couch, nodes, put) : put());
}

/** Behind a balancer any node may be asked; each gets its setting back, whatever happens. */
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
