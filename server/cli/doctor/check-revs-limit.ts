import { MAX_PATH_LENGTH } from '../../gate/writes/parse-row.ts';
import { statusOf } from '../../upstream/client.ts';
import type { DoctorContext } from './context.ts';
import { errorFinding, okFinding, type Finding } from './finding.ts';

/** A device that was offline for more edits than this is in conflict with them, although it knew an ancestor. */
const MIN_REVS_LIMIT = 100;

/** CouchDB's. */
const DEFAULT_REVS_LIMIT = 1_000;

/** Checks how many revisions of a document CouchDB remembers. */
export async function checkRevsLimit({ upstream, admin, config }: DoctorContext): Promise<Finding[]> {
  const { registry } = config;
  try {
    const limit: unknown = await (admin ?? upstream).couch.request({ db: registry, path: '_revs_limit' });
    return [evaluateRevsLimit(registry, Number(limit))];
  } catch (error) {
    // The check of the database reports that it is missing.
    if (statusOf(error) === 404 || statusOf(error) === 403) return [];
    throw error;
  }
}

export function evaluateRevsLimit(registry: string, limit: number): Finding {
  const check = 'revs_limit';
  const hint = `Set it to ${DEFAULT_REVS_LIMIT}: PUT /${registry}/_revs_limit with the body ${DEFAULT_REVS_LIMIT}.`;
  if (limit < MIN_REVS_LIMIT) {
    return errorFinding(
      check,
      `The _revs_limit of ${registry} is ${limit}, so the edits of a device that was offline for ${limit} edits become a conflict. ${hint}`,
    );
  }
  return limit > MAX_PATH_LENGTH
    ? errorFinding(
        check,
        `The _revs_limit of ${registry} is ${limit}, and the gates refuse writes with more than ${MAX_PATH_LENGTH} revisions. ${hint}`,
      )
    : okFinding(check, `CouchDB remembers ${limit} revisions of each document.`);
}
