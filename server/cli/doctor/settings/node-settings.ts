import type { ServerScope } from 'nano';
import { readConfigSection } from '../../setup/observe/node-config.ts';

/** The sections that the checks read. No other section is requested, since some contain password hashes. */
const SECTIONS = ['couchdb', 'chttpd', 'httpd', 'jwt_auth', 'jwt_keys'] as const;
export type Section = (typeof SECTIONS)[number];

/** The settings of one node of the cluster. A setting without a value is not in its section. */
export interface NodeSettings {
  readonly name: string;
  readonly sections: Readonly<Record<Section, Readonly<Record<string, string>>>>;
}

/** Reads the settings of a node, as a server admin. */
export async function readNodeSettings(couch: ServerScope, name: string): Promise<NodeSettings> {
  const values = await Promise.all(SECTIONS.map((section) => readConfigSection(couch, name, section)));
  const [couchdb = {}, chttpd = {}, httpd = {}, jwtAuth = {}, jwtKeys = {}] = values;
  return { name, sections: { couchdb, chttpd, httpd, jwt_auth: jwtAuth, jwt_keys: jwtKeys } };
}
