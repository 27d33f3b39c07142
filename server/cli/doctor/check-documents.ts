import type { ServerScope } from 'nano';
import { parseStoredUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { escapeControlCharacters } from '../users/table.ts';
import type { DocumentRules } from '../documents/document-rules.ts';
import { inspectLeaf, type DocumentProblem, type DocumentProblemKind } from '../documents/inspect-document.ts';
import { readPages, type DocumentLeaves } from '../documents/read-pages.ts';
import { errorFinding, infoFinding, okFinding, type Finding } from './finding.ts';

/** How many documents a sentence names. */
const MAX_NAMED_DOCUMENTS = 20;

/** Where the documents are, and how they are read. */
export interface DocumentSource {
  readonly couch: ServerScope;
  readonly registry: string;
  readonly idPrefix: string;
  readonly rules: DocumentRules;
}

/** Reads every document of the registry in batches, and checks that every interface can read and edit it. */
export async function checkDocuments({ couch, registry, idPrefix, rules }: DocumentSource): Promise<Finding[]> {
  const survey = new DocumentSurvey(idPrefix, rules);
  for await (const page of readPages(couch, registry)) for (const document of page) survey.add(document);
  return survey.findings();
}

interface Found {
  /** The number of documents. */
  count: number;
  /** The first of them, each with a member. */
  readonly named: string[];
}

/** Counts problems by kind, so that the memory does not depend on the number of documents. */
export class DocumentSurvey {
  readonly #idPrefix: string;
  readonly #rules: DocumentRules;
  readonly #found = new Map<DocumentProblemKind | 'unrelated', Found>();
  readonly #worst = { id: '', leaves: 1, conflicts: 0 };
  #documents = 0;

  constructor(idPrefix: string, rules: DocumentRules) {
    this.#idPrefix = idPrefix;
    this.#rules = rules;
  }

  add({ id, live }: DocumentLeaves): void {
    const hasPrefix = id.startsWith(this.#idPrefix);
    const isUserDocument = hasPrefix && parseStoredUsername(id.slice(this.#idPrefix.length)) !== undefined;
    const problems = new Map<DocumentProblemKind, DocumentProblem>();
    for (const { body } of live)
      for (const problem of inspectLeaf(body, isUserDocument, this.#rules))
        if (!problems.has(problem.kind)) problems.set(problem.kind, problem);
    for (const [kind, problem] of problems)
      this.#count(kind === 'foreign' && !hasPrefix ? 'unrelated' : kind, id, problem);
    if (!isUserDocument) return;
    this.#documents += 1;
    if (live.length > 1) this.#worst.conflicts += 1;
    if (live.length > this.#worst.leaves) Object.assign(this.#worst, { id, leaves: live.length });
  }

  #count(kind: DocumentProblemKind | 'unrelated', id: string, { path }: DocumentProblem): void {
    const found = this.#found.get(kind) ?? { count: 0, named: [] };
    this.#found.set(kind, found);
    found.count += 1;
    if (found.named.length >= MAX_NAMED_DOCUMENTS) return;
    found.named.push(escapeControlCharacters(path === '' || path === '_id' ? id : `${id} (${path})`));
  }

  findings(): Finding[] {
    const findings = CHECKS.flatMap(({ check, good, kinds }) => {
      const problems = kinds.flatMap(({ kind, isFault, describe }) => {
        const found = this.#found.get(kind);
        if (found === undefined) return [];
        const { count, named } = found;
        const more = count > named.length ? ' …' : '';
        const documents = count === 1 ? 'One document' : `${count} documents`;
        const sentence = `${documents} ${describe(count === 1)}: ${named.join(', ')}${more}.`;
        return [{ sentence, isFault }];
      });
      if (problems.length === 0) return good === undefined ? [] : [okFinding(check, good)];
      return problems.map(({ sentence, isFault }) => (isFault ? errorFinding : infoFinding)(check, sentence));
    });
    return [infoFinding('documents', `${this.#documents} user documents were read.`), ...findings, this.#conflicts()];
  }

  #conflicts(): Finding {
    const { id, leaves, conflicts } = this.#worst;
    return conflicts === 0
      ? okFinding('conflicts', 'No document has a conflict.')
      : infoFinding(
          'conflicts',
          `${conflicts} ${conflicts === 1 ? 'document has a conflict' : 'documents have conflicts'}, the worst ${id} with ${leaves} leaves. Each is resolved when a device syncs, or by "users repair NAME".`,
        );
  }
}

interface ProblemText {
  readonly kind: DocumentProblemKind | 'unrelated';
  readonly isFault: boolean;
  /** The sentence between the number of documents and their ids. */
  readonly describe: (isOne: boolean) => string;
}

const REPAIR = 'Run "users repair NAME", or "users repair --all"';

/** The checks in the order of the report. `good` is the sentence if there is no problem; without it nothing is reported. */
const CHECKS: readonly { readonly check: string; readonly good?: string; readonly kinds: readonly ProblemText[] }[] = [
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
          `${isOne ? 'exceeds' : 'exceed'} 65536 bytes, so edits that enlarge ${isOne ? 'it' : 'them'} are refused. Remove values ("users set NAME PREFERENCE unset")`,
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
          `${isOne ? 'has an edit' : 'have edits'} that a wrong clock dated beyond the year 9000. Later edits win all the same`,
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
