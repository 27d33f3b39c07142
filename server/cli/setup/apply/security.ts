import type { ServerScope } from 'nano';
import type { SecurityObject } from '../../../upstream/schema/design-documents.ts';
import { putSetting, readSetting, restoreSetting } from '../observe/node-config.ts';

/** Keeps the `_security` of `_users` from being changed unless it is true, on the node that is asked. */
const EDITABLE = { section: 'couchdb', key: 'users_db_security_editable' } as const;

export async function applySecurity(
  couch: ServerScope,
  db: string,
  security: SecurityObject,
  nodes: readonly string[],
): Promise<void> {
  const put = (): Promise<unknown> => couch.request({ method: 'PUT', db, path: '_security', body: security });
  await (db === '_users' ? whileEditable(couch, nodes, put) : put());
}

/** Behind a balancer any node may be asked; each gets its setting back, whatever happens. */
async function whileEditable(
  couch: ServerScope,
  nodes: readonly string[],
  work: () => Promise<unknown>,
): Promise<void> {
  const changed: (() => Promise<void>)[] = [];
  try {
    for (const node of nodes) {
      const before = await readSetting(couch, node, EDITABLE);
      if (before === 'true') continue;
      changed.push(() => restoreSetting(couch, node, EDITABLE, before));
      await putSetting(couch, node, EDITABLE, 'true');
    }
    await work();
  } finally {
    for (const restore of changed) await restore();
  }
}
