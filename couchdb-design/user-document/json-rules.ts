/**
 * The rules that any stored value satisfies, whatever the application's schema allows: it is JSON that every interface and both
 * databases store and return unchanged, and it contains nothing that must not be replicated.
 */
import { looksSecret } from './secret-fields.ts';

/** Why a value must not be stored. */
export interface Violation {
  /** The member names from the preference to the member; list items by index. Empty for the document as a whole. */
  readonly path: readonly string[];
  /** The end of a sentence that starts with the member: `must be true or false`. */
  readonly message: string;
}

/** How deep arrays and objects may be nested. */
export const MAX_VALUE_DEPTH = 16;

const JSON_TYPES: readonly string[] = ['string', 'boolean', 'number'];

/** CouchDB rejects a request with an unpaired surrogate (RFC 8259, section 8.2). */
const UNPAIRED_SURROGATE = /\p{Cs}/u;

const isJsonText = (text: string): boolean => !UNPAIRED_SURROGATE.test(text);

/** Whether a value is an array or a plain object. Objects of another realm are plain as well. */
const isContainer = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return Array.isArray(value) || prototype === null || Object.getPrototypeOf(prototype) === null;
};

/** Returns why the last name of a path must not be that of a member. */
export const findMemberNameViolation = (path: readonly string[]): Violation | undefined => {
  const name = path.at(-1) ?? '';
  if (name === '__proto__' || !isJsonText(name)) return { path: [...path], message: 'is not an accepted name' };
  return looksSecret(name)
    ? { path: [...path], message: 'looks like a secret, which must not be stored here' }
    : undefined;
};

const TOO_DEEP = `is nested more than ${MAX_VALUE_DEPTH} levels deep`;

const describeValue = (value: unknown, depth: number): string | undefined => {
  if (isContainer(value)) return depth < MAX_VALUE_DEPTH ? undefined : TOO_DEEP;
  if (value === null) return undefined;
  if (!JSON_TYPES.includes(typeof value)) return 'must be a JSON value';
  if (typeof value === 'string') return isJsonText(value) ? undefined : 'must not contain an unpaired surrogate';
  return typeof value !== 'number' || Number.isFinite(value) ? undefined : 'must be a finite number';
};

/** `path` is modified during the search, so that only a violation costs a copy. */
const search = (value: unknown, path: string[], depth: number): Violation | undefined => {
  const message = describeValue(value, depth);
  if (message !== undefined) return { path: [...path], message };
  if (!isContainer(value)) return undefined;
  const isArray = Array.isArray(value);
  // `keys` of an array includes its holes.
  for (const key of isArray ? value.keys() : Object.keys(value)) {
    path.push(String(key));
    const member = (value as Readonly<Record<string, unknown>>)[key];
    const found = (isArray ? undefined : findMemberNameViolation(path)) ?? search(member, path, depth + 1);
    if (found) return found;
    path.pop();
  }
  return undefined;
};

/**
 * Returns the first reason why a value must not be stored; `undefined` when there is none. Never throws, and reads at most
 * MAX_VALUE_DEPTH levels, so that deep or cyclic values are safe.
 */
export const findJsonViolation = (value: unknown, path: readonly string[] = []): Violation | undefined =>
  search(value, [...path], 0);

/** Returns the violation of a value that is nested too deeply. */
export const tooDeep = (path: readonly string[]): Violation => ({ path, message: TOO_DEEP });

/** Whether arrays and objects are nested more than `maxDepth` levels deep. It is iterative, so any depth is safe. */
export const exceedsDepth = (value: unknown, maxDepth: number): boolean => {
  let level = [value].filter(isContainer);
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth >= maxDepth) return true;
    level = level.flatMap((item): readonly unknown[] => Object.values(item)).filter(isContainer);
  }
  return false;
};

/** Returns a violation as a sentence without its period. */
export const formatViolation = ({ path, message }: Violation): string =>
  `${path.length === 0 ? 'The document' : path.join('.')} ${message}`;
