import { defaultDocIdsThreshold, docIdsThresholdOf } from '../../../upstream/doc-ids-threshold.ts';
import type { CurrentState } from '../current-state.ts';
import type { Plan } from '../steps.ts';

/** What the planner needs to know. */
type ThresholdState = Pick<CurrentState, 'nodes' | 'version'>;

/** Returns the lowest threshold of the nodes; undefined if it is the default of the version, which the gates assume. */
export function configuredDocIdsThreshold({ nodes, version }: ThresholdState): number | undefined {
  const thresholds = nodes.flatMap((node) => (node.up ? [docIdsThresholdOf(node.docIdsThreshold, version)] : []));
  const lowest = Math.min(...thresholds);
  return thresholds.length === 0 || lowest === defaultDocIdsThreshold(version) ? undefined : lowest;
}

/** Set-up does not change the threshold. It reports one that the gates have to know. */
export function planDocIdsThreshold(current: ThresholdState): Plan {
  const threshold = configuredDocIdsThreshold(current);
  if (threshold === undefined) return { items: [], blockers: [] };
  const setting = `[couchdb] changes_doc_ids_optimization_threshold is ${threshold}`;
  const sentence =
    threshold < 1
      ? `${setting}, so CouchDB since 3.4 reads the whole database for every read of a user's state. Remove the setting.`
      : `${setting}. Set COUCHDB_DOC_IDS_THRESHOLD=${threshold} for the gates.`;
  return { items: [{ kind: 'note', sentence }], blockers: [] };
}
