/** The sentences about problems of stored documents. */
import { MAX_DOCUMENT_BYTES } from '../../../couchdb-design/user-document/user-document.ts';
import type { DocumentProblemKind } from '../documents/inspect-document.ts';

/** `unrelated` is a document of another prefix, such as an application's own. */
export type FoundKind = DocumentProblemKind | 'unrelated';

/** How a report describes the documents with one kind of problem. */
export interface ProblemText {
  readonly kind: FoundKind;
  readonly isFault: boolean;
  /** The sentence between the number of documents and their ids. */
  readonly describe: (isOne: boolean) => string;
}

const REPAIR = 'Run "users repair NAME", or "users repair --all"';

export interface DocumentCheck {
  /** The name in the report. Stable, for programs. */
  readonly check: string;
  /** The sentence if there is no problem. Without it nothing is reported then. */
  readonly good?: string;
  readonly kinds: readonly ProblemText[];
}

/** The checks in the order of the report. */
export const DOCUMENT_CHECKS: readonly DocumentCheck[] = [
  {
    check: 'secrets',
    good: 'No document has a member that must never be replicated.',
    kinds: [
      {
        kind: 'secret',
        isFault: true,
        describe: (isOne) =>
          `${isOne ? 'has a member that looks like a secret, and is' : 'have members that look like secrets, and are'} not replicated. ${REPAIR}, which removes them, and change the secrets, which devices may have`,
      },
    ],
  },
  {
    check: 'versions',
    good: 'Every document can be read.',
    kinds: [
      {
        kind: 'unreadable',
        isFault: true,
        describe: (isOne) =>
          `cannot be read or edited, because ${isOne ? 'it is' : 'they are'} of a newer version than this one, or ${isOne ? 'has' : 'have'} attachments. Update the gates, or remove the attachments`,
      },
      {
        kind: 'older',
        isFault: false,
        describe: (isOne) =>
          `${isOne ? 'is' : 'are'} of an older version. Each is upgraded when its user next connects, at its next edit, or by "users repair"`,
      },
    ],
  },
  {
    check: 'malformed documents',
    good: 'No document is malformed.',
    kinds: [
      {
        kind: 'malformed',
        isFault: true,
        describe: (isOne) =>
          `${isOne ? 'is' : 'are'} malformed, because something other than a gate wrote ${isOne ? 'it' : 'them'}. ${REPAIR}. "--dry-run" shows what changes`,
      },
    ],
  },
  {
    check: 'document ids',
    kinds: [
      {
        kind: 'foreign',
        isFault: true,
        describe: (isOne) =>
          `${isOne ? 'has an id' : 'have ids'} that no user can have, so no interface serves ${isOne ? 'it' : 'them'}. Move the content to the right id, and delete ${isOne ? 'it' : 'them'}`,
      },
      {
        kind: 'unrelated',
        isFault: false,
        describe: (isOne) => `${isOne ? 'is no user document, and is' : 'are no user documents, and are'} not served`,
      },
    ],
  },
  {
    check: 'document sizes',
    good: 'Every document is within the limit of its size.',
    kinds: [
      {
        kind: 'too-large',
        isFault: true,
        describe: (isOne) =>
          `${isOne ? 'exceeds' : 'exceed'} ${MAX_DOCUMENT_BYTES} bytes, so edits that enlarge ${isOne ? 'it' : 'them'} are refused. Remove values ("users set NAME PREFERENCE unset")`,
      },
    ],
  },
  {
    check: 'stamps',
    kinds: [
      {
        kind: 'late-stamp',
        isFault: false,
        describe: (isOne) =>
          `${isOne ? 'has an edit' : 'have edits'} that a wrong clock dated beyond the year 9000. Later edits still win`,
      },
    ],
  },
  {
    check: 'hidden values',
    kinds: [
      {
        kind: 'hidden',
        isFault: false,
        describe: (isOne) =>
          `${isOne ? 'has values' : 'have values'} that the schema does not accept or know. They are kept, and not shown`,
      },
    ],
  },
];
