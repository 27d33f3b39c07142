import { MAX_DOCUMENT_BYTES } from '../../../../couchdb-design/user-document/user-document.ts';
import { MAX_CHECKPOINTS_LENGTH } from '../../../gate/checkpoints/checkpoint-document.ts';
import { MAX_BATCH_BYTES } from '../../../gate/request/body-limits.ts';
import { docIdsThresholdOf } from '../../../upstream/doc-ids-threshold.ts';
import { errorFinding, okFinding, type Finding } from '../finding.ts';
import type { NodeSettings, Section } from './node-settings.ts';

interface SizeLimit {
  readonly check: string;
  /** The first one that has a value applies. */
  readonly sections: readonly Section[];
  readonly key: string;
  readonly defaultBytes: number;
  readonly minBytes: number;
  /** What needs that many bytes. */
  readonly purpose: string;
}

/** A character of JSON has at most this many bytes in UTF-8. */
const MAX_BYTES_PER_CHARACTER = 3;

const SIZE_LIMITS: readonly SizeLimit[] = [
  {
    check: 'document size',
    sections: ['couchdb'],
    key: 'max_document_size',
    defaultBytes: 8_000_000,
    minBytes: Math.max(MAX_DOCUMENT_BYTES, MAX_CHECKPOINTS_LENGTH * MAX_BYTES_PER_CHARACTER),
    purpose: "users' documents and replication checkpoints",
  },
  {
    check: 'request size',
    sections: ['chttpd', 'httpd'],
    key: 'max_http_request_size',
    defaultBytes: 4_294_967_296,
    minBytes: MAX_BATCH_BYTES,
    purpose: 'batches of writes',
  },
];

/** Checks the largest document and request that a node accepts. */
export const evaluateSizeLimits = (node: NodeSettings): Finding[] =>
  SIZE_LIMITS.map((limit) => evaluateSizeLimit(node, limit));

function evaluateSizeLimit({ name, sections: values }: NodeSettings, limit: SizeLimit): Finding {
  const { check, sections, key, defaultBytes, minBytes, purpose } = limit;
  const section = sections.find((each) => values[each][key] !== undefined) ?? sections[0] ?? 'couchdb';
  const text = values[section][key] ?? '';
  // CouchDB uses its default instead of a text that is not an integer.
  const bytes = /^[+-]?\d+$/.test(text) ? Number(text) : defaultBytes;
  return bytes >= minBytes
    ? okFinding(check, `[${section}] ${key} on ${name} admits ${purpose}.`)
    : errorFinding(
        check,
        `[${section}] ${key} is ${text} bytes on ${name}, and ${purpose} have up to ${minBytes}, so CouchDB rejects some of them. Remove the setting, or raise it to ${minBytes}.`,
      );
}

/**
 * Checks that a node looks up as many ids by id as the gates read at once.
 *
 * @param maxIds - The most ids that a gate with this environment reads at once.
 */
export function evaluateDocIdsThreshold({ name, sections }: NodeSettings, version: string, maxIds: number): Finding {
  const check = 'id threshold';
  const key = 'changes_doc_ids_optimization_threshold';
  const threshold = docIdsThresholdOf(sections.couchdb[key], version);
  if (threshold < 1) {
    return errorFinding(
      check,
      `[couchdb] ${key} is ${threshold} on ${name}, so CouchDB since 3.4 reads the whole database for every read of a user's state. Remove the setting.`,
    );
  }
  return threshold >= maxIds
    ? okFinding(
        check,
        `${name} looks up ${threshold} ids without a scan, and the gates read at most ${maxIds} at once.`,
      )
    : errorFinding(
        check,
        `[couchdb] ${key} is ${threshold} on ${name}, and the gates read up to ${maxIds} ids at once, for which CouchDB since 3.4 reads the whole database. Set COUCHDB_DOC_IDS_THRESHOLD=${threshold} for the gates, or raise the setting to ${maxIds}.`,
      );
}

/** The limit of each gate's connections to CouchDB. */
const CONNECTIONS_PER_GATE = 16;
const MIN_GATES = 4;

/** Checks how many connections a node accepts. */
export function evaluateConnections({ name, sections: { chttpd, httpd } }: NodeSettings): Finding {
  const maxConnections =
    chttpd['max_connections'] ??
    httpd['max_connections'] ??
    /\{\s*max\s*,\s*(\d+)/.exec(chttpd['server_options'] ?? '')?.[1];
  if (maxConnections === undefined)
    return okFinding('connections', `No setting limits the connections that ${name} accepts.`);
  const summary = `${name} accepts ${maxConnections} connections, and each gate uses ${CONNECTIONS_PER_GATE}.`;
  return Number(maxConnections) < CONNECTIONS_PER_GATE * MIN_GATES
    ? errorFinding('connections', `${summary} Raise max_connections.`)
    : okFinding('connections', summary);
}
