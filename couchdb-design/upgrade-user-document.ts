/**
 * A user document of an older version as one of today's.
 *
 * Version 0 had no `version` and no `edits`. It was checked by nobody, so reading one keeps what is good and drops the
 * rest; and it does so by the document alone, without clock or chance: two devices that upgrade it write the same bytes.
 */
import { USER_DOCUMENT_TYPE, USER_DOCUMENT_VERSION } from './user-document-shape.ts';

type Body = Readonly<Record<string, unknown>>;

const EPOCH = new Date(0).toISOString();

const isoTime = (value: unknown): string | undefined => {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const date = new Date(value);
  return Number.isNaN(date.getTime()) || !/^\d{4}-/.test(date.toISOString()) ? undefined : date.toISOString();
};

/** The version that a body says it has; 0 when it says nothing. */
export const versionOf = (body: Body): unknown => (Object.hasOwn(body, 'version') ? body['version'] : 0);

/** `isGood` says whether a preference may have this value. The result has still to be checked: names and types are kept. */
export const upgradeFrom0 = (old: Body, isGood: (key: string, value: unknown) => boolean): Body => {
  const created = isoTime(old['created_at']) ?? isoTime(old['updated_at']) ?? EPOCH;
  const preferences = old['preferences'];
  const entries = typeof preferences === 'object' && preferences !== null ? Object.entries(preferences) : [];
  return {
    _id: old['_id'],
    created_at: created,
    edits: {},
    preferences: Object.fromEntries(entries.filter(([key, value]) => isGood(key, value))),
    type: old['type'] ?? USER_DOCUMENT_TYPE,
    updated_at: isoTime(old['updated_at']) ?? created,
    username: old['username'],
    version: USER_DOCUMENT_VERSION,
  };
};
