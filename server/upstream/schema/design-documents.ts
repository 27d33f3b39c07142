import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DEFAULT_ID_PREFIX } from '../../../couchdb-design/user-document/user-document.ts';

/** A design document as CouchDB stores it, without its revision. */
export type DesignDocument = Readonly<Record<string, unknown>> & { readonly _id: string };

/** The members and administrators of a database. https://docs.couchdb.org/en/stable/api/database/security.html */
export interface SecurityObject {
  readonly admins: { readonly names: readonly string[]; readonly roles: readonly string[] };
  readonly members: { readonly names: readonly string[]; readonly roles: readonly string[] };
}

export interface DatabaseDesign {
  readonly designs: readonly DesignDocument[];
  readonly security: SecurityObject;
}

const REGISTRY_DESIGN_DIRECTORY = join(import.meta.dirname, '../../../couchdb-design/user_registry');

const principalsSchema = z.object({ names: z.array(z.string()), roles: z.array(z.string()) });
const securitySchema = z.strictObject({ admins: principalsSchema, members: principalsSchema });
const designSchema = z.looseObject({ _id: z.string().regex(/^_design\/[a-z_]+$/), language: z.literal('javascript') });

/**
 * Reads a database's design documents and access rules: `_design/<name>/` in CouchApp's layout (a directory becomes an
 * object, a file a string, without its extension) and `_security.json`.
 *
 * @param idPrefix Written into the functions that check ids.
 * @throws If a file is missing or malformed.
 */
export async function readDatabaseDesign(
  idPrefix: string = DEFAULT_ID_PREFIX,
  directory: string = REGISTRY_DESIGN_DIRECTORY,
): Promise<DatabaseDesign> {
  const names = (await readdir(join(directory, '_design'))).sort();
  const designs = names.map(async (name) => {
    const design = designSchema.parse(applyIdPrefix(await readTree(join(directory, '_design', name)), idPrefix));
    if (design._id !== `_design/${name}`) throw new Error(`The directory _design/${name} contains ${design._id}.`);
    return design;
  });
  const security: unknown = JSON.parse(await readFile(join(directory, '_security.json'), 'utf8'));
  return { designs: await Promise.all(designs), security: securitySchema.parse(security) };
}

/** The line in each function that checks ids. No character of a prefix can end the string literal. */
const PREFIX_LINE = `var ID_PREFIX = '${DEFAULT_ID_PREFIX}';`;

/** The prefix of the ids that a design document's validate_doc_update accepts; undefined if it has none. */
export function getIdPrefix(design: Readonly<Record<string, unknown>>): string | undefined {
  const source = design['validate_doc_update'];
  if (typeof source !== 'string') return undefined;
  // Versions without a configurable prefix have no such line.
  return /var ID_PREFIX = '([^']*)';/.exec(source)?.[1] ?? DEFAULT_ID_PREFIX;
}

function applyIdPrefix(tree: Record<string, unknown>, idPrefix: string): Record<string, unknown> {
  const applyTo = (value: unknown): unknown =>
    typeof value === 'string'
      ? value.replace(PREFIX_LINE, `var ID_PREFIX = '${idPrefix}';`)
      : applyIdPrefix(value as Record<string, unknown>, idPrefix);
  return Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, applyTo(value)]));
}

async function readTree(directory: string): Promise<Record<string, unknown>> {
  const entries = (await readdir(directory, { withFileTypes: true }))
    .filter(({ name }) => !name.startsWith('.'))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
  const members = entries.map(async (entry): Promise<[string, unknown]> => {
    const path = join(directory, entry.name);
    if (entry.isDirectory()) return [entry.name, await readTree(path)];
    return [entry.name.replace(/\.js$/, ''), (await readFile(path, 'utf8')).trim()];
  });
  return Object.fromEntries(await Promise.all(members));
}
