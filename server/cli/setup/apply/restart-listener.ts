import type { ServerScope } from 'nano';
import { writeConfigValue, readConfigValue } from '../observe/node-config.ts';

/** How many connections may wait to be accepted, and CouchDB's default. */
const BACKLOG_SETTING = { section: 'chttpd', key: 'backlog' } as const;
const DEFAULT_BACKLOG = '512';

/**
 * Has a node reopen its port. CouchDB reads `authentication_handlers` only when it opens the port (chttpd:set_auth_handlers),
 * and reopens it when the backlog setting changes (chttpd_sup). It compares the number in effect with the text that is set,
 * so setting the same value counts as a change once after each start. It therefore cannot happen often enough for the
 * supervisor to give up. It takes some ten milliseconds, and open connections stay.
 */
export async function restartListener(couch: ServerScope, node: string): Promise<void> {
  await writeConfigValue(
    couch,
    node,
    BACKLOG_SETTING,
    (await readConfigValue(couch, node, BACKLOG_SETTING)) ?? DEFAULT_BACKLOG,
  );
}
