import type { ServerScope } from 'nano';
import pRetry from 'p-retry';
import { statusOf } from '../../../upstream/client.ts';
import { SetupError } from '../../../upstream/setup-error.ts';
import { readConfigValue, restoreConfigValue, writeConfigValue } from '../observe/node-config.ts';
import type { ListenerSetting } from '../steps.ts';

/**
 * Has a node reopen its port, because CouchDB reads `authentication_handlers` only when it opens the port
 * (chttpd:set_auth_handlers). It does so when one of some settings changes (chttpd_sup). It takes some ten milliseconds, and
 * open connections stay.
 */
export const restartListener = (couch: ServerScope, node: string, by: ListenerSetting): Promise<void> =>
  by === 'backlog' ? rewriteBacklog(couch, node) : rewriteServerOptions(couch, node);

/** How many connections may wait to be accepted, and CouchDB's default. */
const BACKLOG_SETTING = { section: 'chttpd', key: 'backlog' } as const;
const DEFAULT_BACKLOG = '512';

/**
 * For CouchDB before 3.5. It compares the number in effect with the text that is set, so setting the same value counts as a
 * change once after each start. It therefore cannot happen often enough for the supervisor to give up.
 */
async function rewriteBacklog(couch: ServerScope, node: string): Promise<void> {
  await writeConfigValue(
    couch,
    node,
    BACKLOG_SETTING,
    (await readConfigValue(couch, node, BACKLOG_SETTING)) ?? DEFAULT_BACKLOG,
  );
}

const SERVER_OPTIONS_SETTING = { section: 'chttpd', key: 'server_options' } as const;
/** CouchDB's default since 3.5. It is in effect for some milliseconds, until the setting is removed again. */
const DEFAULT_SERVER_OPTIONS = '[{recbuf, undefined}, {acceptor_pool_size, 32}, {max, 65536}]';

/**
 * Since CouchDB 3.5 the backlog is one of the server's options. It compares their texts, so another space is a change, and
 * the port is reopened with equal options. The previous text is restored, which reopens the port again. The supervisor gives
 * up at the fourth time within 10 s, and set-up needs this once.
 */
async function rewriteServerOptions(couch: ServerScope, node: string): Promise<void> {
  const before = await readConfigValue(couch, node, SERVER_OPTIONS_SETTING);
  const equalOptions = (before ?? DEFAULT_SERVER_OPTIONS).replace('[', '[ ');
  await retryWhileClosed(() => writeConfigValue(couch, node, SERVER_OPTIONS_SETTING, equalOptions));
  await retryWhileClosed(() => restoreConfigValue(couch, node, SERVER_OPTIONS_SETTING, before));
}

/** Retries while nothing listens on the port. */
const retryWhileClosed = (task: () => Promise<unknown>): Promise<unknown> =>
  pRetry(task, {
    retries: 20,
    minTimeout: 100,
    factor: 1,
    // A SetupError reports another value than the one written.
    shouldRetry: ({ error }) => statusOf(error) === undefined && !(error instanceof SetupError),
  });
