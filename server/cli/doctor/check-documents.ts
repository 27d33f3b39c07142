import type { ServerScope } from 'nano';
import { z } from 'zod';
import { USER_DOCUMENT_VERSION } from '../../../couchdb-design/user-document/user-document.ts';
import { reasonOf } from '../../upstream/setup-error.ts';
import { good, notChecked, told, wrong, type Finding } from './finding.ts';
import type { Patient } from './context.ts';

/** So many are named; so many rows are read to find them. */
const MOST_NAMED = 20;
const MOST_READ = 2_000;
/** The gate takes no more live leaves of a document. */
const MOST_LEAVES = 32;

const viewSchema = z.object({
  rows: z.array(z.object({ id: z.string().optional(), key: z.unknown(), value: z.unknown() })),
});
type Rows = z.infer<typeof viewSchema>['rows'];

/** What is in users' documents and should not be, by the views that are there for it. */
export async function checkDocuments({ upstream, config }: Patient): Promise<Finding[]> {
  const view = (name: string, qs: object) => readView(upstream.couch, config.registry, name, qs);
  const look = async (check: string, what: string, judge: () => Promise<Finding>): Promise<Finding> => {
    try {
      return await judge();
    } catch (error) {
      return notChecked(
        check,
        `${what}: the view could not be read, since it is missing or still being built (${reasonOf(error)}).`,
      );
    }
  };
  return [
    await look('secrets', 'Fields that must never be replicated', async () => {
      const rows = await view('suspicious_fields', { reduce: 'false', limit: MOST_READ });
      return judgeSecrets(rows, countOf(await view('suspicious_fields', {})));
    }),
    await look('conflicts', 'Conflicts', async () => {
      const [worst] = await view('conflicts', { reduce: 'false', descending: 'true', limit: 1 });
      return judgeConflicts(countOf(await view('conflicts', {})), worst);
    }),
    await look('versions', "Documents' versions", async () =>
      judgeVersions(await view('by_version', { group: 'true' })),
    ),
  ];
}

async function readView(couch: ServerScope, db: string, name: string, qs: object): Promise<Rows> {
  return viewSchema.parse(await couch.request({ db, path: `_design/registry/_view/${name}`, qs })).rows;
}

const countOf = ([row]: Rows): number => (typeof row?.value === 'number' ? row.value : 0);

export function judgeSecrets(rows: Rows, fields: number): Finding {
  if (fields === 0) return good('secrets', 'No document has a field that must never be replicated.');
  const ids = [...new Set(rows.flatMap(({ id }) => id ?? []))];
  const named = ids.slice(0, MOST_NAMED).join(', ');
  const more = rows.length < fields ? 'at least ' : '';
  return wrong(
    'secrets',
    `${fields} fields that look like secrets are in ${more}${ids.length} documents, which are not served: ${named}${ids.length > MOST_NAMED ? ' …' : ''}. Remove the fields (the view registry/suspicious_fields has their paths), and change the secrets: they may have been replicated.`,
  );
}

export function judgeConflicts(count: number, worst: Rows[number] | undefined): Finding {
  const leaves = typeof worst?.key === 'number' ? worst.key : 0;
  if (count === 0) return good('conflicts', 'No document has a conflict.');
  const so = `${count} documents have conflicts, the worst ${worst?.id ?? ''} with ${leaves} leaves`;
  return leaves >= MOST_LEAVES
    ? wrong(
        'conflicts',
        `${so}, so that no more edits beside them are taken; let one of its devices sync, which resolves them.`,
      )
    : told('conflicts', `${so}; they go as soon as one of the devices syncs.`);
}

export function judgeVersions(rows: Rows): Finding {
  const count = (of: (version: number) => boolean): number =>
    rows.reduce(
      (sum, { key, value }) => sum + (typeof key === 'number' && of(key) && typeof value === 'number' ? value : 0),
      0,
    );
  const newer = count((version) => version > USER_DOCUMENT_VERSION);
  const older = count((version) => version < USER_DOCUMENT_VERSION);
  if (newer > 0) {
    return wrong(
      'versions',
      `${newer} documents are of a newer version than this gate knows (${USER_DOCUMENT_VERSION}), and cannot be edited by it; bring the gates up to date.`,
    );
  }
  return older > 0
    ? told(
        'versions',
        `${older} documents are of an older version; each becomes one of today's when its user next comes, or with its next edit.`,
      )
    : good('versions', `Every document is of version ${USER_DOCUMENT_VERSION}.`);
}
