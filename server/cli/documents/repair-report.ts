/** What a repair did, for a person. */
import { errorMessage } from '../../upstream/setup-error.ts';
import type { Deployment } from '../deployment.ts';
import { escapeControlCharacters } from '../table.ts';
import type { RepairReport } from './repair-document.ts';

/** Whether the repair changed something. */
export const isChanged = ({ changes, merged, purged }: RepairReport): boolean =>
  changes.length > 0 || merged > 0 || purged > 0;

/** Whether the document still has a fault. */
export const isFaulty = ({ left }: RepairReport): boolean => left.length > 0;

/** Formats a report line by line. Values of members that look like secrets are not part of it. */
export function formatRepair(report: RepairReport, dryRun: boolean): string[] {
  const { id, changes, merged, purged, left } = report;
  const name = escapeControlCharacters(id);
  const would = dryRun ? 'would be' : 'are';
  const lines = [
    ...changes.map(
      ({ path, before, after }) => `  ${escapeControlCharacters(path)}: ${formatValue(before)} → ${formatValue(after)}`,
    ),
    ...(merged > 0 ? [`  ${merged} conflicting revisions ${would} merged.`] : []),
    ...(purged > 0 ? [`  ${purged} old deleted revisions ${would} purged.`] : []),
    ...left.map((sentence) => `  ${escapeControlCharacters(sentence)}`),
  ];
  if (!isChanged(report))
    return [`${name} needs no repair${left.length > 0 ? ' that this command can do' : ''}.`, ...lines];
  return [`${name} ${dryRun ? 'would be' : 'is'} repaired:`, ...lines];
}

const formatValue = (text: string | null): string => (text === null ? '(none)' : escapeControlCharacters(text));

/** Older revisions contain a removed secret until they are compacted. Resolves with what the operator has to do. */
export async function compactAfterRepair(
  { admin, registry, kind }: Deployment,
  removedSecret: boolean,
): Promise<string[]> {
  if (!removedSecret) return [];
  const advice = 'Change the secrets that were removed: devices may have replicated them.';
  if (admin === undefined) {
    return [
      advice,
      `Older revisions in ${registry} contain them until CouchDB compacts it. To do that now, set COUCHDB_ADMIN_USER and COUCHDB_ADMIN_PASSWORD, and run this again.`,
    ];
  }
  try {
    await admin.couch.request({ db: registry, path: '_compact', method: 'POST', body: {} });
    return [advice];
  } catch (error) {
    const engine = kind === 'embedded' ? 'The embedded engine' : 'CouchDB';
    return [
      advice,
      `${engine} could not compact ${registry}, so its file still contains them (${errorMessage(error)}).`,
    ];
  }
}
