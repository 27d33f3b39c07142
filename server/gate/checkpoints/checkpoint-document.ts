import { badRequest, conflict, notFound } from '../../http/errors.ts';
import { isObject, isStorable, getProperty, getString, type JsonObject } from '../../lib/json.ts';

/**
 * A user's replication checkpoints (`_local/<id>`), stored together in one upstream `_local` document named after the user.
 * So no user reads another's checkpoints, and their number is limited: `_local` documents appear in no view, quota or
 * compaction that an operator would see.
 */
export interface Checkpoints {
  /** Least recently written first. */
  readonly entries: readonly Checkpoint[];
}

export interface Checkpoint {
  readonly id: string;
  /** The number of writes; the revision is `0-<count>`, as in CouchDB. */
  readonly count: number;
  readonly body: JsonObject;
}

/** Beyond this the oldest are dropped. Their replications then start over, which costs one document. */
const MAX_ENTRIES = 32;
/** In characters of JSON. CouchDB's replicator keeps up to 50 short histories in one. */
const MAX_ENTRY_LENGTH = 64 * 1024;
/** Of all entries of a user, in characters of JSON. */
export const MAX_CHECKPOINTS_LENGTH = 512 * 1024;

const jsonLength = (value: unknown): number => JSON.stringify(value).length;
const revOf = ({ count }: Checkpoint): string => `0-${count}`;

/** Parses the upstream document; invalid entries are ignored. */
export function parseCheckpoints(document: unknown): Checkpoints {
  const entries = getProperty(document, 'entries');
  return { entries: Array.isArray(entries) ? entries.filter(isCheckpoint) : [] };
}

const isCheckpoint = (value: unknown): value is Checkpoint =>
  isObject(value) && typeof value['id'] === 'string' && typeof value['count'] === 'number' && isObject(value['body']);

const findCheckpoint = ({ entries }: Checkpoints, id: string): Checkpoint | undefined =>
  entries.find((entry) => entry.id === id);

/** `GET _local/<id>`. Throws 404. */
export function getCheckpoint(all: Checkpoints, id: string): JsonObject {
  const entry = findCheckpoint(all, id);
  if (entry === undefined) throw notFound();
  return { _id: `_local/${id}`, _rev: revOf(entry), ...entry.body };
}

/** `PUT _local/<id>`. Throws 400 for an invalid document, 409 when `_rev` is not the current one. */
export function putCheckpoint(all: Checkpoints, id: string, document: unknown): { all: Checkpoints; rev: string } {
  if (!isObject(document)) throw badRequest('Document must be a JSON object');
  if (!isStorable(document))
    throw badRequest('The checkpoint is nested too deeply, or contains an unpaired surrogate.');
  const body = Object.fromEntries(Object.entries(document).filter(([key]) => !key.startsWith('_')));
  if (jsonLength(body) > MAX_ENTRY_LENGTH) throw badRequest(`A checkpoint has at most ${MAX_ENTRY_LENGTH} characters.`);
  const current = findCheckpoint(all, id);
  checkRev(current, getString(document, '_rev'));
  const entry = { id, count: (current?.count ?? 0) + 1, body };
  let entries = [...all.entries.filter((other) => other.id !== id), entry].slice(-MAX_ENTRIES);
  while (entries.length > 1 && jsonLength(entries) > MAX_CHECKPOINTS_LENGTH) entries = entries.slice(1);
  return { all: { entries }, rev: revOf(entry) };
}

/** `DELETE _local/<id>?rev=`. Throws 404, or 409 when `rev` is not the current one. */
export function deleteCheckpoint(
  all: Checkpoints,
  id: string,
  rev: string | undefined,
): { all: Checkpoints; rev: string } {
  const current = findCheckpoint(all, id);
  if (current === undefined) throw notFound();
  checkRev(current, rev);
  return { all: { entries: all.entries.filter((other) => other.id !== id) }, rev: '0-0' };
}

function checkRev(current: Checkpoint | undefined, rev: string | undefined): void {
  if (rev !== (current === undefined ? undefined : revOf(current))) throw conflict();
}
