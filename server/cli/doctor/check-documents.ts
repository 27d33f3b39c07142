import type { ServerScope } from 'nano';
import { escapeControlCharacters } from '../table.ts';
import type { DocumentRules } from '../documents/document-rules.ts';
import {
  inspectLeaf,
  isUserDocumentId,
  type DocumentProblem,
  type DocumentProblemKind,
} from '../documents/inspect-document.ts';
import { readPages, type DocumentLeaves } from '../documents/read-pages.ts';
import { DOCUMENT_CHECKS, type FoundKind } from './document-checks.ts';
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
  readonly #found = new Map<FoundKind, Found>();
  readonly #worst = { id: '', leaves: 1, conflicts: 0 };
  #documents = 0;

  constructor(idPrefix: string, rules: DocumentRules) {
    this.#idPrefix = idPrefix;
    this.#rules = rules;
  }

  add({ id, live }: DocumentLeaves): void {
    const isUserDocument = isUserDocumentId(id, this.#idPrefix);
    const problems = new Map<DocumentProblemKind, DocumentProblem>();
    for (const { body } of live)
      for (const problem of inspectLeaf(body, isUserDocument, this.#rules))
        if (!problems.has(problem.kind)) problems.set(problem.kind, problem);
    for (const [kind, problem] of problems)
      this.#count(kind === 'foreign' && !id.startsWith(this.#idPrefix) ? 'unrelated' : kind, id, problem);
    if (!isUserDocument) return;
    this.#documents += 1;
    if (live.length > 1) this.#worst.conflicts += 1;
    if (live.length > this.#worst.leaves) Object.assign(this.#worst, { id, leaves: live.length });
  }

  #count(kind: FoundKind, id: string, { path }: DocumentProblem): void {
    const found = this.#found.get(kind) ?? { count: 0, named: [] };
    this.#found.set(kind, found);
    found.count += 1;
    if (found.named.length >= MAX_NAMED_DOCUMENTS) return;
    found.named.push(escapeControlCharacters(path === '' || path === '_id' ? id : `${id} (${path})`));
  }

  findings(): Finding[] {
    const findings = DOCUMENT_CHECKS.flatMap(({ check, good, kinds }) => {
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
