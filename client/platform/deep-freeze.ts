/** Freezes JSON values that callers receive and the store still uses: a caller's change would show what was never set. */

/** Freezes the value and everything in it, and returns it. A frozen value counts as frozen throughout. */
export const deepFreeze = <T>(value: T): T => {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value);
    for (const member of Object.values(value)) deepFreeze(member);
  }
  return value;
};
