/** Accessors for values from `JSON.parse`, for the parsers of requests and upstream responses. */
import { isObject, type JsonObject } from '../../couchdb-design/user-document/json.ts';

export { isObject, type JsonObject };

/** Returns an own property; inherited ones and non-objects give undefined. */
export const getProperty = (value: unknown, key: string): unknown =>
  isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;

/** Returns an own property if it is a string. */
export const getString = (value: unknown, key: string): string | undefined => {
  const found = getProperty(value, key);
  return typeof found === 'string' ? found : undefined;
};

/** Parses JSON. Returns `undefined` for a text that is not JSON. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Deeper than any valid document, and far below the depth at which the recursive `JSON.stringify` overflows the stack. */
const MAX_DEPTH = 100;

/**
 * Whether a parsed value can be sent upstream: nested at most 100 levels deep, and without unpaired surrogates, for which
 * CouchDB rejects the whole request (RFC 8259, section 8.2). Iterative, so any depth is safe to check.
 */
export function isStorable(value: unknown): boolean {
  let level: unknown[] = [value];
  for (let depth = 0; level.length > 0; depth += 1) {
    if (depth > MAX_DEPTH) return false;
    const next: unknown[] = [];
    for (const item of level) {
      if (typeof item === 'string' && /\p{Cs}/u.test(item)) return false;
      if (Array.isArray(item)) for (const inner of item as readonly unknown[]) next.push(inner);
      else if (isObject(item)) for (const [key, inner] of Object.entries(item)) next.push(key, inner);
    }
    level = next;
  }
  return true;
}

export const isStringArray = (value: unknown): value is readonly string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');
