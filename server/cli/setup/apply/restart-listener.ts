import type { ServerScope } from 'nano';
import { writeConfigValue, readConfigValue } from '../observe/node-config.ts';

/** How many connections may wait to be accepted; the number in force when nothing is set. */
const BACKLOG_SETTING = { section: 'chttpd', key: 'backlog' } as const;
const DEFAULT_BACKLOG = '512';

/**
 * CouchDB reads `authentication_handlers` when it opens its port and at no other time (chttpd:set_auth_handlers), and it opens
 * the port anew when this setting changes (chttpd_sup). It holds the number against the text, so to set what is in force
 * is a change, the first time after a start and never again. So it cannot happen so often that the supervisor
 * gives up. It takes some ten milliseconds, and connections that are open stay.
 */
export async function restartListener(couch: ServerScope, node: string): Promise<void> {
  await writeConfigValue(
    couch,
    node,
    BACKLOG_SETTING,
    (await readConfigValue(couch, node, BACKLOG_SETTING)) ?? DEFAULT_BACKLOG,
  );
}
