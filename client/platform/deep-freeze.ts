/** Freezes JSON values that callers receive and the store still uses, so that a caller cannot change the store's data. */

/** Freezes the value and everything in it, and returns it. The members of a value that is already frozen are not checked. */
export const deepFreeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
};
