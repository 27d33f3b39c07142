import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { DEFAULT_ID_PREFIX } from '../../../couchdb-design/user-document/user-document.ts';

/** A design document as CouchDB stores it, without its revision. */
export type DesignDocument = Readonly<Record<string, unknown>> & { readonly _id: string };

/** Who may read and who may administer a database: https://docs.couchdb.org/en/stable/api/database/security.html */
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
 * Reads what stands in a database beside its documents: `_design/<name>/` in CouchApp's layout (a directory is an object,
 * a file a text, its ending falls away) and `_security.json`. `idPrefix` is written into the functions that look at ids.
 * Rejects when a file is missing or is not what it should be.
 */
export async function readDatabaseDesign(
  idPrefix: string = DEFAULT_ID_PREFIX,
  directory: string = REGISTRY_DESIGN_DIRECTORY,
): Promise<DatabaseDesign> {
  const names = (await readdir(join(directory, '_design'))).sort();
  const designs = names.map(async (name) => {
    const design = designSchema.parse(applyIdPrefix(await readTree(join(directory, '_design', name)), idPrefix));
    if (design._id !== `_design/${name}`) throw new Error(`The directory _design/${name} holds ${design._id}.`);
    return design;
  });
  const security: unknown = JSON.parse(await readFile(join(directory, '_security.json'), 'utf8'));
  return { designs: await Promise.all(designs), security: securitySchema.parse(security) };
}

/** The line that each function has which looks at ids. A prefix has no character that could end the text. */
const PREFIX_LINE = `var ID_PREFIX = '${DEFAULT_ID_PREFIX}';`;

/** What ids begin with that a design document's check of writes lets pass; undefined when it has no such check. */
export function getIdPrefix(design: Readonly<Record<string, unknown>>): string | undefined {
  const source = design['validate_doc_update'];
  if (typeof source !== 'string') return undefined;
  // Before there was a choice, the line was not there.
  return /var ID_PREFIX = '([^']*)';/.exec(source)?.[1] ?? DEFAULT_ID_PREFIX;
}

function applyIdPrefix(tree: Record<string, unknown>, idPrefix: string): Record<string, unknown> {
  const written = (value: unknown): unknown =>
    typeof value === 'string'
      ? value.replace(PREFIX_LINE, `var ID_PREFIX = '${idPrefix}';`)
      : applyIdPrefix(value as Record<string, unknown>, idPrefix);
  return Object.fromEntries(Object.entries(tree).map(([name, value]) => [name, written(value)]));
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
