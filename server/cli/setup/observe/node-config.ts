import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf } from '../../../upstream/client.ts';
import { DOC_IDS_THRESHOLD_SETTING } from '../../../upstream/doc-ids-threshold.ts';
import { SetupError } from '../../../upstream/setup-error.ts';
import type { NodeState } from '../current-state.ts';
import type { Setting } from '../steps.ts';

/** Reads and writes the settings of a cluster's nodes. https://docs.couchdb.org/en/stable/api/server/configuration.html */

const membershipSchema = z.object({ all_nodes: z.array(z.string()), cluster_nodes: z.array(z.string()) });
const sectionSchema = z.record(z.string(), z.string());

/** Lists the nodes of the cluster. `up`: the node that responds is connected to it. */
export async function readClusterNodes(couch: ServerScope): Promise<{ readonly name: string; readonly up: boolean }[]> {
  const { all_nodes: all, cluster_nodes: cluster } = membershipSchema.parse(
    await couch.request({ path: '_membership' }),
  );
  return [...new Set([...cluster, ...all])].sort().map((name) => ({ name, up: all.includes(name) }));
}

const configPath = (node: string, parts: readonly string[]): string =>
  ['_node', node, '_config', ...parts].map(encodeURIComponent).join('/');

/** Reads all settings of a section. */
export async function readConfigSection(
  couch: ServerScope,
  node: string,
  section: string,
): Promise<Record<string, string>> {
  return sectionSchema.parse(await couch.request({ path: configPath(node, [section]) }));
}

/** Reads the settings of a node that set-up uses. */
export async function readNodeState(
  couch: ServerScope,
  { name, up }: { name: string; up: boolean },
): Promise<NodeState> {
  if (!up) return { name, up: false };
  const [chttpd, jwtAuth, keys, couchdb] = await Promise.all(
    ['chttpd', 'jwt_auth', 'jwt_keys', DOC_IDS_THRESHOLD_SETTING.section].map((section) =>
      readConfigSection(couch, name, section),
    ),
  );
  return {
    name,
    up: true,
    handlers: chttpd?.['authentication_handlers'],
    requiredClaims: jwtAuth?.['required_claims'],
    keys: keys ?? {},
    docIdsThreshold: couchdb?.[DOC_IDS_THRESHOLD_SETTING.key],
  };
}

/** Resolves with undefined if the setting has no value. */
export async function readConfigValue(
  couch: ServerScope,
  node: string,
  { section, key }: Setting,
): Promise<string | undefined> {
  return (await readConfigSection(couch, node, section))[key];
}

/**
 * Sends the value in the body, so that no log of URLs contains it. Reads it back, because CouchDB accepts any text, and a
 * wrong value may prevent the node from starting again.
 *
 * @throws {SetupError} If another value is read back.
 */
export async function writeConfigValue(
  couch: ServerScope,
  node: string,
  setting: Setting,
  value: string,
): Promise<void> {
  const { section, key } = setting;
  await couch.request({ method: 'PUT', path: configPath(node, [section, key]), body: value });
  if ((await readConfigValue(couch, node, setting)) !== value) {
    throw new SetupError(
      `[${section}] ${key} on ${node} does not have the value that was written. Correct it before that node is restarted.`,
    );
  }
}

/** Does nothing if the setting has no value. */
export async function deleteConfigValue(couch: ServerScope, node: string, { section, key }: Setting): Promise<void> {
  try {
    await couch.request({ method: 'DELETE', path: configPath(node, [section, key]) });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

/** Restores the value `before`; undefined removes the setting. */
export const restoreConfigValue = (couch: ServerScope, node: string, setting: Setting, before: string | undefined) =>
  before === undefined ? deleteConfigValue(couch, node, setting) : writeConfigValue(couch, node, setting, before);
