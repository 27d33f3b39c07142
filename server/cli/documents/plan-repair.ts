/** Decides how a stored document is repaired. Pure. */
import { canonicalJson } from '../../../couchdb-design/user-document/canonical-json.ts';
import { latestEditStamp, nextEditStamp, type DeviceId } from '../../../couchdb-design/user-document/edit-stamp.ts';
import { merge } from '../../../couchdb-design/user-document/merge.ts';
import { looksSecret } from '../../../couchdb-design/user-document/secret-fields.ts';
import {
  documentBytes,
  MAX_DOCUMENT_BYTES,
  splitDocument,
  type UserDocument,
  type UserDocumentReader,
  type Values,
} from '../../../couchdb-design/user-document/user-document.ts';
import { isObject } from '../../lib/json.ts';
import type { LiveLeaf } from './read-pages.ts';
import { describeChanges, type Change } from './describe-changes.ts';

export interface RepairPlan {
  /** The document that the repair writes; undefined if the stored one is well-formed. */
  readonly document: UserDocument<Values> | undefined;
  /** What changes from the winning revision. Secrets are not part of it. */
  readonly changes: readonly Change[];
  /** The live leaves with what can be read of them: more than one is a conflict to resolve first. */
  readonly leaves: readonly { readonly rev: string; readonly document: UserDocument<Values> }[];
  /** Whether the repair removes a secret, which older revisions still contain. */
  readonly removesSecret: boolean;
  /** What no repair corrects, a sentence each. */
  readonly left: readonly string[];
}

export interface RepairRules {
  readonly read: UserDocumentReader;
  /** The time in ms, and the device id of the command. */
  readonly now: number;
  readonly device: DeviceId;
}

/** Plans the repair of a document from its live leaves, the winner first. */
export function planRepair(live: readonly LiveLeaf[], { read, now, device }: RepairRules): RepairPlan {
  const nothing: RepairPlan = { document: undefined, changes: [], leaves: [], removesSecret: false, left: [] };
  const leaves: { rev: string; document: UserDocument<Values> }[] = [];
  for (const { rev, body } of live) {
    const parsed = read(body);
    if (!parsed.ok) return { ...nothing, left: [`It cannot be repaired here. ${parsed.reason}`] };
    leaves.push({ rev, document: parsed.document });
  }
  const [winner] = live;
  const [first, ...others] = leaves.map(({ document }) => document);
  if (winner === undefined || first === undefined) return nothing;
  const merged = merge([first, ...others]);
  const { document, removesSecret } = withoutSecrets(merged, { now, device });
  const body = splitDocument(winner.body)?.body ?? {};
  const isWellFormed = canonicalJson(body) === canonicalJson(document);
  const bytes = documentBytes(document);
  return {
    document: isWellFormed ? undefined : document,
    changes: describeChanges(body, document),
    leaves,
    removesSecret,
    left:
      bytes > MAX_DOCUMENT_BYTES
        ? [`It has ${bytes} bytes; ${MAX_DOCUMENT_BYTES} are the limit. Every edit that makes it smaller is accepted.`]
        : [],
  };
}

/**
 * Removes members that look like secrets. A preference that loses an inner member gets a new stamp: otherwise the value of an offline
 * device, with the same stamp, could win over the repaired one.
 */
function withoutSecrets(
  document: UserDocument<Values>,
  { now, device }: Pick<RepairRules, 'now' | 'device'>,
): { readonly document: UserDocument<Values>; readonly removesSecret: boolean } {
  const names = [...Object.keys(document.preferences), ...Object.keys(document.edits)];
  const repaired = Object.entries(document.preferences)
    .filter(([key]) => !looksSecret(key))
    .map(([key, value]) => ({ key, value: stripSecrets(value), before: value }));
  const stripped = repaired.filter(({ value, before }) => value !== before).map(({ key }) => key);
  if (stripped.length === 0 && !names.some(looksSecret)) return { document, removesSecret: false };
  const edits = Object.fromEntries(Object.entries(document.edits).filter(([key]) => !looksSecret(key)));
  const stamp = nextEditStamp({ now, device, seen: latestEditStamp(Object.values(edits)) });
  return {
    document: {
      ...document,
      preferences: Object.fromEntries(repaired.map(({ key, value }) => [key, value])),
      edits: { ...edits, ...Object.fromEntries(stripped.map((key) => [key, stamp])) },
    },
    removesSecret: true,
  };
}

/** Returns the same value if it contains no secret. */
function stripSecrets(value: unknown): unknown {
  if (Array.isArray(value)) {
    const items = value.map(stripSecrets);
    return items.every((item, index) => item === value[index]) ? value : items;
  }
  if (!isObject(value)) return value;
  const members = Object.entries(value).flatMap(([key, inner]) =>
    looksSecret(key) ? [] : [[key, stripSecrets(inner)] as const],
  );
  const isSame = members.length === Object.keys(value).length && members.every(([key, inner]) => inner === value[key]);
  return isSame ? value : Object.fromEntries(members);
}
