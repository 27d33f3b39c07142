import { compareDesign, describePrefixMismatch, hasSameViews } from './design-hash.ts';
import type { DesignDocument } from './design-documents.ts';
import type { StoredDesigns } from './read-design-documents.ts';
import type { SchemaBlocker, SchemaPlan, SchemaPlanItem } from './schema-plan.ts';
import { viewWarmupDesign } from './view-warmup-design.ts';

/** Plans a database's design documents. One that Pouchgate did not write, or that was changed since, is a blocker. */
export function planDesignDocuments(
  database: string,
  designs: readonly DesignDocument[],
  stored: StoredDesigns,
): SchemaPlan {
  const parts = designs.map((design) => planDesignDocument(database, design, stored));
  return { items: parts.flatMap(({ items }) => items), blockers: parts.flatMap(({ blockers }) => blockers) };
}

function planDesignDocument(database: string, design: DesignDocument, stored: StoredDesigns): SchemaPlan {
  const existing = stored.get(design._id);
  const warmupDesign = viewWarmupDesign(design);
  const leftoverWarmup = stored.get(warmupDesign._id);
  const blockers = [
    ...findBlockers(database, design, existing),
    ...findBlockers(database, warmupDesign, leftoverWarmup),
  ];
  const subject = `${database}/${design._id}`;
  if (compareDesign(design, existing) !== 'current') {
    const revision = existing?.['_rev'];
    const item: SchemaPlanItem = {
      kind: 'step',
      subject,
      isNew: existing === undefined,
      step: {
        kind: 'write-design',
        database,
        design,
        replacedRevision: typeof revision === 'string' ? revision : undefined,
        replacesViews: existing !== undefined && !hasSameViews(design, existing),
      },
    };
    return { items: [item], blockers };
  }
  const items: SchemaPlanItem[] = [{ kind: 'found', subject, sentence: `${design._id} in ${database}` }];
  // Set-up was stopped before its last write.
  if (leftoverWarmup !== undefined) {
    items.push({
      kind: 'step',
      subject: `${database}/${warmupDesign._id}`,
      isNew: false,
      step: { kind: 'delete-design', database, id: warmupDesign._id },
    });
  }
  return { items, blockers };
}

function findBlockers(
  database: string,
  expected: DesignDocument,
  stored: Readonly<Record<string, unknown>> | undefined,
): SchemaBlocker[] {
  const comparison = compareDesign(expected, stored);
  if (comparison === 'other-prefix' && stored !== undefined) {
    return [{ kind: 'other-prefix', mismatch: describePrefixMismatch(expected, stored, database) }];
  }
  if (comparison !== 'changed-by-hand' && comparison !== 'foreign') return [];
  return [{ kind: 'foreign-design', database, id: expected._id, comparison }];
}
