/** The function with which an application upgrades stored values, and what it must not do. */
import { isObject, type JsonObject } from './json.ts';

/**
 * Converts the values that earlier versions of an application stored into those of its current version. It is pure and
 * synchronous, accepts any subset of the values, and returns current values as they are.
 */
export type Upgrade = (values: JsonObject) => JsonObject;

/** Returns the upgraded values; undefined when the upgrade throws or returns no object. */
export const tryUpgrade = (upgrade: Upgrade, values: JsonObject): JsonObject | undefined => {
  try {
    const result: unknown = upgrade({ ...values });
    // An asynchronous function returns a promise. Its members would be no values.
    return isObject(result) && typeof result['then'] !== 'function' ? result : undefined;
  } catch {
    return undefined;
  }
};

/** Returns why an application cannot have this upgrade, as a sentence; undefined when no reason was found. It tries `{}` only. */
export const findUpgradeProblem = (upgrade: Upgrade | undefined): string | undefined =>
  upgrade === undefined || tryUpgrade(upgrade, {})
    ? undefined
    : 'upgrade is not a synchronous function that returns an object for any subset of the values, such as {}.';
