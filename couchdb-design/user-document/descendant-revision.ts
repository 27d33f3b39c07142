/**
 * Revisions that the gate appends to a document's branch on behalf of a client.
 *
 * A plain PouchDB shows the live leaf with the highest generation. So a merge needs a higher generation than what it merges,
 * although its parent may have a lower one. The generations in between get ids without a body, like ancestors of which a
 * replica has only the ids. All ids are functions of the inputs, so that two gates write the same revisions.
 */
import SparkMD5 from 'spark-md5';
import { canonicalJson } from './canonical-json.ts';
import { childRevision } from './resolve-conflict.ts';
import { generationOf, type Revision } from './revision-order.ts';

const GENERATION_DIGITS = 8;

const idOf = (revision: Revision): string => revision.slice(revision.indexOf('-') + 1);

/** Returns the path from a generation down to `ancestor`, newest first, both included. Only `ancestor` has a body. */
export const paddedPath = (ancestor: Revision, generation: number): readonly Revision[] => {
  const count = generation - generationOf(ancestor);
  if (count <= 0) return [ancestor];
  const prefix = SparkMD5.hash(canonicalJson([ancestor, 'padding'])).slice(GENERATION_DIGITS);
  const padding = Array.from({ length: count }, (_, index) => {
    const own = generation - index;
    return `${own}-${prefix}${own.toString(16).padStart(GENERATION_DIGITS, '0')}`;
  });
  return [...padding, ancestor];
};

/** Returns the path of the revision of `content` with this generation that descends from `ancestor`, newest first. */
export const descendantPath = (
  ancestor: Revision,
  generation: number,
  content: unknown,
): readonly [Revision, ...Revision[]] => {
  const [parent = ancestor, ...rest] = paddedPath(ancestor, generation - 1);
  return [childRevision(parent, content)._rev, parent, ...rest];
};

/** Returns CouchDB's members of a revision with this path. */
export const revisionMembers = (
  path: readonly [Revision, ...Revision[]],
): { readonly _rev: Revision; readonly _revisions: { readonly start: number; readonly ids: readonly string[] } } => ({
  _rev: path[0],
  _revisions: { start: generationOf(path[0]), ids: path.map(idOf) },
});
