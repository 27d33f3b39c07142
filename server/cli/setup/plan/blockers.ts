import type { SchemaBlocker } from '../../../upstream/schema/schema-plan.ts';
import type { Permissions } from '../desired-state.ts';

/** The sentences for the blockers that the operator has not allowed. */
export const describeBlockers = (blockers: readonly SchemaBlocker[], allowed: Permissions): string[] =>
  blockers.filter((blocker) => !isAllowed(blocker, allowed)).map(describeBlocker);

function isAllowed({ kind }: SchemaBlocker, { adopt, replace }: Permissions): boolean {
  switch (kind) {
    case 'partitioned':
      return false;
    case 'foreign-document':
      return adopt;
    case 'unexpected-access':
    case 'other-prefix':
    case 'foreign-design':
      return replace;
  }
}

function describeBlocker(blocker: SchemaBlocker): string {
  switch (blocker.kind) {
    case 'partitioned':
      return `The database ${blocker.database} is partitioned, so it rejects Pouchgate's documents. Choose another name.`;
    case 'foreign-document':
      return `The database ${blocker.database} contains other data: ${JSON.stringify(blocker.id)} is not a document of Pouchgate. Choose another name in REGISTRY_DB or SESSIONS_DB, or run with --adopt to use this database anyway.`;
    case 'unexpected-access':
      return `The database ${blocker.database} also admits ${blocker.principals.join(', ')}. Check whether they need it, and run with --replace to remove them.`;
    case 'other-prefix':
      return `${blocker.mismatch}. With --replace the gates serve the documents of ID_PREFIX, and no longer the existing ones.`;
    case 'foreign-design':
      return `${blocker.id} in ${blocker.database} ${DESIGN_REASONS[blocker.comparison]}. Save what you need of it, and run with --replace to overwrite it.`;
  }
}

const DESIGN_REASONS = {
  'changed-by-hand': 'was changed by hand: its content does not match its content_hash',
  foreign: 'was not written by Pouchgate',
} as const;
