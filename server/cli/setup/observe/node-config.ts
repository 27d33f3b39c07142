import type { ServerScope } from 'nano';
import { z } from 'zod';
import { statusOf } from '../../../upstream/client.ts';
import { SetupError } from '../../../upstream/setup-error.ts';
import type { NodeState } from '../current-state.ts';
import type { Setting } from '../steps.ts';

/** Settings of the nodes of a cluster. https://docs.couchdb.org/en/stable/api/server/configuration.html */

const membershipSchema = z.object({ all_nodes: z.array(z.string()), cluster_nodes: z.array(z.string()) });
const sectionSchema = z.record(z.string(), z.string());

/** The nodes that belong to the cluster; `up`: they can be reached from the one that we ask. */
export async function readClusterNodes(couch: ServerScope): Promise<{ readonly name: string; readonly up: boolean }[]> {
  const { all_nodes: all, cluster_nodes: cluster } = membershipSchema.parse(
    await couch.request({ path: '_membership' }),
  );
  return [...new Set([...cluster, ...all])].sort().map((name) => ({ name, up: all.includes(name) }));
}

const configPath = (node: string, parts: readonly string[]): string =>
  ['_node', node, '_config', ...parts].map(encodeURIComponent).join('/');

export async function readConfigSection(
  couch: ServerScope,
  node: string,
  section: string,
): Promise<Record<string, string>> {
  return sectionSchema.parse(await couch.request({ path: configPath(node, [section]) }));
}

/** A node as far as it concerns set-up. */
export async function readNodeState(
  couch: ServerScope,
  { name, up }: { name: string; up: boolean },
): Promise<NodeState> {
  if (!up) return { name, up: false };
  const [chttpd, jwtAuth, keys] = await Promise.all(
    ['chttpd', 'jwt_auth', 'jwt_keys'].map((section) => readConfigSection(couch, name, section)),
  );
  return {
    name,
    up: true,
    handlers: chttpd?.['authentication_handlers'],
    requiredClaims: jwtAuth?.['required_claims'],
    keys: keys ?? {},
  };
}

/** Undefined: it is not set. */
export async function readConfigValue(
  couch: ServerScope,
  node: string,
  { section, key }: Setting,
): Promise<string | undefined> {
  return (await readConfigSection(couch, node, section))[key];
}

/**
 * The value goes in the body, so that no log of a URL has it. It is read again, since a wrong one may keep a node from ever
 * starting again: CouchDB takes any text.
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
      `[${section}] ${key} on ${node} is not what it was set to; mend it before that node is restarted.`,
    );
  }
}

/** That it is not set already is as good. */
export async function deleteConfigValue(couch: ServerScope, node: string, { section, key }: Setting): Promise<void> {
  try {
    await couch.request({ method: 'DELETE', path: configPath(node, [section, key]) });
  } catch (error) {
    if (statusOf(error) !== 404) throw error;
  }
}

/** As it was: with that value, or not set at all. */
export const restoreConfigValue = (couch: ServerScope, node: string, setting: Setting, before: string | undefined) =>
  before === undefined ? deleteConfigValue(couch, node, setting) : writeConfigValue(couch, node, setting, before);
