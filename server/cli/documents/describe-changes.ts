/** What a repair changes, for a person: the paths, and the values without secrets. */
import { canonicalJson } from '../../../couchdb-design/user-document/canonical-json.ts';
import { looksSecret } from '../../../couchdb-design/user-document/secret-fields.ts';
import { isObject } from '../../lib/json.ts';
import { redactSecrets } from '../redact.ts';
import { formatPath } from './inspect-document.ts';

export interface Change {
  readonly path: string;
  /** JSON, shortened; null if the member does not exist. */
  readonly before: string | null;
  readonly after: string | null;
}

/** Keeps a report readable. Deeper members are shown as part of their parent. */
const MAX_DEPTH = 8;
const MAX_TEXT_LENGTH = 120;
const WITHHELD = '(withheld: looks like a secret)';

/** Returns the members that differ, in the order of their names. */
export function describeChanges(before: unknown, after: unknown, path: readonly string[] = []): Change[] {
  if (isObject(before) && isObject(after) && path.length < MAX_DEPTH) {
    const names = [...new Set([...Object.keys(before), ...Object.keys(after)])].sort();
    return names.flatMap((name) => describeChanges(ownMember(before, name), ownMember(after, name), [...path, name]));
  }
  const [beforeText, afterText] = [toText(before), toText(after)];
  if (beforeText === afterText) return [];
  const format = (value: unknown, text: string | null): string | null => {
    if (text === null) return null;
    return path.some(looksSecret) ? WITHHELD : shorten(canonicalJson(redactSecrets(value).value));
  };
  return [{ path: formatPath(path), before: format(before, beforeText), after: format(after, afterText) }];
}

const ownMember = (object: Readonly<Record<string, unknown>>, name: string): unknown =>
  Object.hasOwn(object, name) ? object[name] : undefined;

const toText = (value: unknown): string | null => (value === undefined ? null : canonicalJson(value));

const shorten = (text: string): string =>
  text.length <= MAX_TEXT_LENGTH ? text : `${text.slice(0, MAX_TEXT_LENGTH - 1)}…`;
