import { isObject } from '../../couchdb-design/user-document/json.ts';
import type { Upgrade } from '../../couchdb-design/user-document/upgrade-function.ts';
import { derivedStates, upgradeDocument } from '../../couchdb-design/user-document/upgrade-values.ts';
import type { PreferenceSchema, UserDocument, Values } from '../../couchdb-design/user-document/user-document.ts';

export type { Upgrade };

export interface ViewOptions {
  readonly names: readonly string[];
  readonly schema: PreferenceSchema;
  readonly upgrade: Upgrade | undefined;
  /** Called with a sentence when the upgrade throws or returns no object. */
  readonly onFailure: (sentence: string) => void;
}

export interface View<P extends object> {
  readonly show: (stored: UserDocument<Values>) => UserDocument<P>;
  readonly withDerived: (stored: UserDocument<Values>) => UserDocument<Values>;
}

/** Creates the view of stored documents by one version of an application. */
export function createView<P extends object>({ names, schema, upgrade, onFailure }: ViewOptions): View<P> {
  const isValid = (key: string, value: unknown): boolean => schema.findViolation(key, value) === undefined;
  const reported = upgrade === undefined ? undefined : reportFailures(upgrade, onFailure);
  return {
    show: (stored) => {
      const { preferences, edits, ...others } = upgradeDocument(stored, reported, isValid);
      const shown = schema.pickKnown(preferences);
      const isShown = (key: string): boolean =>
        Object.hasOwn(shown, key) || (names.includes(key) && !Object.hasOwn(preferences, key));
      return {
        ...others,
        preferences: shown as P,
        edits: Object.fromEntries(Object.entries(edits).filter(([key]) => isShown(key))),
      };
    },
    withDerived: (stored) => {
      const states = derivedStates(stored, reported, isValid);
      return {
        ...stored,
        preferences: { ...stored.preferences, ...Object.fromEntries(states.map(({ key, value }) => [key, value])) },
        edits: { ...stored.edits, ...Object.fromEntries(states.map(({ key, stamp }) => [key, stamp])) },
      };
    },
  };
}

/** Returns the upgrade, which returns the values unchanged when it fails. */
const reportFailures =
  (upgrade: Upgrade, onFailure: (sentence: string) => void): Upgrade =>
  (values) => {
    try {
      const upgraded: unknown = upgrade({ ...values });
      if (isObject(upgraded) && !('then' in upgraded)) return upgraded;
      onFailure('upgrade must return an object of preferences, and must not be asynchronous.');
    } catch (error) {
      onFailure(`upgrade failed: ${String(error)}`);
    }
    return values;
  };
