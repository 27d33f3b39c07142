/** The times of a stored document: ISO 8601 as from `Date.toISOString`, so that string order is time order. */

const EPOCH = new Date(0).toISOString();
/** Without an offset a time would depend on the zone of the program that reads it. A date alone is in UTC. */
const ZONED_TIME = /^\d{4}-\d\d-\d\d(?:T\d\d:\d\d(?::\d\d(?:\.\d+)?)?(?:Z|[+-]\d\d:\d\d))?$/;

/** Returns a time with a four-digit year as ISO 8601; `undefined` for any other value. */
const parseTime = (value: unknown): string | undefined => {
  if (typeof value !== 'number' && !(typeof value === 'string' && ZONED_TIME.test(value))) return undefined;
  const text = new Date(value).toJSON() as string | null;
  return text !== null && /^\d{4}-/.test(text) ? text : undefined;
};

/** Whether a value is a time in the form of stored documents. */
export const isIsoTime = (value: unknown): boolean => typeof value === 'string' && parseTime(value) === value;

/** Returns the first of the values that is a time; the epoch if there is none. */
export const toIsoTime = (...values: readonly unknown[]): string =>
  values.map(parseTime).find((time) => time !== undefined) ?? EPOCH;
