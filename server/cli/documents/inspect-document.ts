/** Finds what is wrong with a stored user document, by the rules that every interface follows. Pure. */
import { MAX_CLOCK_TIME, stampTime } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { secretFields } from '../../../couchdb-design/user-document/secret-fields.ts';
import {
  documentBytes,
  MAX_DOCUMENT_BYTES,
  parseStoredUsername,
  type UserDocument,
  type Values,
} from '../../../couchdb-design/user-document/user-document.ts';
import type { DocumentRules } from './document-rules.ts';

/**
 * - `foreign`: the id is not that of a user document, so no interface serves it.
 * - `unreadable`: no interface can read it, and a repair would lose data.
 * - `secret`: replication withholds it.
 * - `malformed`: interfaces read it by defaults; a repair writes what they read.
 * - `older`: of an older version, which is upgraded when its user next connects.
 * - `too-large`: edits that enlarge it are refused.
 * - `late-stamp`: a wrong clock dated an edit beyond the year 9000. It can be edited.
 * - `hidden`: the current schema does not know or accept a value, which is kept and not shown.
 */
export type DocumentProblemKind =
  'foreign' | 'unreadable' | 'secret' | 'malformed' | 'older' | 'too-large' | 'late-stamp' | 'hidden';

export interface DocumentProblem {
  readonly kind: DocumentProblemKind;
  /** The member names from the document, joined with dots; empty for the document as a whole. Never a value. */
  readonly path: string;
  /** The end of a sentence that starts with the member. */
  readonly message: string;
}

const MAX_NAME_LENGTH = 100;
/** A path for a report. A name may have any length. */
export const formatPath = (path: readonly string[]): string =>
  path.map((name) => name.slice(0, MAX_NAME_LENGTH)).join('.');

/** Whether an id is that of a user document. */
export const isUserDocumentId = (id: string, idPrefix: string): boolean =>
  id.startsWith(idPrefix) && parseStoredUsername(id.slice(idPrefix.length)) !== undefined;

/** Returns the problems of one leaf, as it is stored. `hasUserId` is whether its id is that of a user document. */
export function inspectLeaf(
  body: Readonly<Record<string, unknown>>,
  hasUserId: boolean,
  { readUserDocument, schema }: DocumentRules,
): DocumentProblem[] {
  if (!hasUserId) return [{ kind: 'foreign', path: '_id', message: 'is not that of a user document' }];
  const parsed = readUserDocument(body);
  if (!parsed.ok) return [{ kind: 'unreadable', path: '', message: parsed.reason }];
  const secrets = [...secretFields(body)].map(({ path }): DocumentProblem => ({
    kind: 'secret',
    path: path.slice(0, MAX_NAME_LENGTH),
    message: 'looks like a secret',
  }));
  const isOlder = body['version'] === undefined || body['version'] === 0;
  const repairs = parsed.repairs.map(({ path, message }): DocumentProblem => ({
    kind: isOlder ? 'older' : 'malformed',
    path: formatPath(path),
    message,
  }));
  const contents = inspectContents(parsed.document, schema).filter(({ path }) =>
    secrets.every((each) => each.path !== path),
  );
  return [...secrets, ...repairs, ...contents];
}

function inspectContents(document: UserDocument<Values>, schema: DocumentRules['schema']): DocumentProblem[] {
  const bytes = documentBytes(document);
  const tooLarge: DocumentProblem[] =
    bytes > MAX_DOCUMENT_BYTES
      ? [{ kind: 'too-large', path: '', message: `has ${bytes} bytes; ${MAX_DOCUMENT_BYTES} are the limit` }]
      : [];
  const late = Object.entries(document.edits)
    .filter(([, stamp]) => stampTime(stamp) >= MAX_CLOCK_TIME)
    .map(([key]): DocumentProblem => ({
      kind: 'late-stamp',
      path: formatPath(['edits', key]),
      message: 'is dated beyond the year 9000',
    }));
  const hidden = Object.entries(document.preferences).flatMap(([key, value]): DocumentProblem[] => {
    const violation = schema.findViolation(key, value);
    return violation === undefined
      ? []
      : [{ kind: 'hidden', path: formatPath(['preferences', ...violation.path]), message: violation.message }];
  });
  return [...tooLarge, ...late, ...hidden];
}
