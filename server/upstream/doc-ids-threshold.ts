import { isAtLeast } from './version.ts';

/**
 * How many ids of one `_changes` with `filter=_doc_ids` CouchDB looks up by id. With more ids it reads the whole database. Since
 * 3.4 this holds for databases of a cluster (fabric_rpc:changes), before only for the files of one node (couch_changes).
 * https://docs.couchdb.org/en/stable/config/couchdb.html
 */
export const DOC_IDS_THRESHOLD_SETTING = {
  section: 'couchdb',
  key: 'changes_doc_ids_optimization_threshold',
} as const;

const DEFAULT_SINCE_3_4 = 1_000;
const DEFAULT_BEFORE_3_4 = 100;

/** Returns the default of a version of CouchDB, such as `3.4.3`. For an unknown version it is the lowest default. */
export const defaultDocIdsThreshold = (version: string | undefined): number =>
  version !== undefined && isAtLeast(version, 3, 4) ? DEFAULT_SINCE_3_4 : DEFAULT_BEFORE_3_4;

/**
 * Returns the threshold of a node whose setting has the value `text`. CouchDB uses its default if there is none, or if it is
 * not an integer (config:get_integer).
 */
export const docIdsThresholdOf = (text: string | undefined, version: string | undefined): number =>
  /^[+-]?\d+$/.test(text ?? '') ? Number(text) : defaultDocIdsThreshold(version);
