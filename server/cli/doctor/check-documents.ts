import type { ServerScope } from 'nano';
import { z } from 'zod';
import { USER_DOCUMENT_VERSION } from '../../../couchdb-design/user-document/user-document.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { okFinding, skippedFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import type { DoctorContext } from './context.ts';

/** How many documents a sentence names, and how many rows are read to find them. */
const MAX_NAMED_DOCUMENTS = 20;
const MAX_ROWS = 2_000;
/** The gate's limit of live leaves per document. */
const MAX_LEAVES = 32;

const viewSchema = z.object({
  rows: z.array(z.object({ id: z.string().optional(), key: z.unknown(), value: z.unknown() })),
});
type Rows = z.infer<typeof viewSchema>['rows'];

/** Checks users' documents for secrets, conflicts and other versions, with the views for that. */
export async function checkDocuments({ upstream, config }: DoctorContext): Promise<Finding[]> {
  const readRows = (name: string, qs: object) => readView(upstream.couch, config.registry, name, qs);
  const runCheck = async (check: string, subject: string, evaluate: () => Promise<Finding>): Promise<Finding> => {
    try {
      return await evaluate();
    } catch (error) {
      return skippedFinding(
        check,
        `${subject} could not be checked: the view is missing or still being built (${errorMessage(error)}).`,
      );
    }
  };
  return [
    await runCheck('secrets', 'Fields that must never be replicated', async () => {
      const rows = await readRows('suspicious_fields', { reduce: 'false', limit: MAX_ROWS });
      return evaluateSecrets(rows, reducedCount(await readRows('suspicious_fields', {})));
    }),
    await runCheck('conflicts', 'Conflicts', async () => {
      const [worst] = await readRows('conflicts', { reduce: 'false', descending: 'true', limit: 1 });
      return evaluateConflicts(reducedCount(await readRows('conflicts', {})), worst);
    }),
    await runCheck('versions', "Documents' versions", async () =>
      evaluateVersions(await readRows('by_version', { group: 'true' })),
    ),
  ];
}

async function readView(couch: ServerScope, db: string, name: string, qs: object): Promise<Rows> {
  return viewSchema.parse(await couch.request({ db, path: `_design/registry/_view/${name}`, qs })).rows;
}

const reducedCount = ([row]: Rows): number => (typeof row?.value === 'number' ? row.value : 0);

/** `rows` are the first fields that look like secrets, `fieldCount` is the number of all. */
export function evaluateSecrets(rows: Rows, fieldCount: number): Finding {
  if (fieldCount === 0) return okFinding('secrets', 'No document has a field that must never be replicated.');
  const ids = [...new Set(rows.flatMap(({ id }) => id ?? []))];
  const named = ids.slice(0, MAX_NAMED_DOCUMENTS).join(', ');
  const lowerBound = rows.length < fieldCount ? 'at least ' : '';
  return errorFinding(
    'secrets',
    `${fieldCount} fields that look like secrets are in ${lowerBound}${ids.length} documents, which are not served: ${named}${ids.length > MAX_NAMED_DOCUMENTS ? ' …' : ''}. Remove the fields (the view registry/suspicious_fields has their paths), and change the secrets, which may have been replicated.`,
  );
}

/** `worst` is the row of the document with the most leaves. */
export function evaluateConflicts(count: number, worst: Rows[number] | undefined): Finding {
  const leaves = typeof worst?.key === 'number' ? worst.key : 0;
  if (count === 0) return okFinding('conflicts', 'No document has a conflict.');
  const summary = `${count} documents have conflicts, the worst ${worst?.id ?? ''} with ${leaves} leaves`;
  return leaves >= MAX_LEAVES
    ? errorFinding(
        'conflicts',
        `${summary}, so the gate rejects further concurrent edits. Let one of its devices sync, which resolves them.`,
      )
    : infoFinding('conflicts', `${summary}. They are resolved as soon as one of the devices syncs.`);
}

/** The keys of `rows` are document versions, the values the numbers of documents. */
export function evaluateVersions(rows: Rows): Finding {
  const count = (matches: (version: number) => boolean): number =>
    rows.reduce(
      (sum, { key, value }) => sum + (typeof key === 'number' && matches(key) && typeof value === 'number' ? value : 0),
      0,
    );
  const newer = count((version) => version > USER_DOCUMENT_VERSION);
  const older = count((version) => version < USER_DOCUMENT_VERSION);
  if (newer > 0) {
    return errorFinding(
      'versions',
      `${newer} documents are of a newer version than this gate supports (${USER_DOCUMENT_VERSION}), so it cannot edit them. Update the gates.`,
    );
  }
  return older > 0
    ? infoFinding(
        'versions',
        `${older} documents are of an older version. Each is upgraded when its user next connects, or at its next edit.`,
      )
    : okFinding('versions', `Every document is of version ${USER_DOCUMENT_VERSION}.`);
}
