/**
 * The rules of the built-in preferences as a Standard Schema (https://standardschema.dev), for the server and, without a
 * validation library, for the browser.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { PREFERENCE_RULES, type Preferences } from './preference-rules.ts';
import { findObjectViolation } from './preference-violations.ts';

export const preferencesStandardSchema: StandardSchemaV1<Preferences> = {
  '~standard': {
    version: 1,
    vendor: 'pouchgate',
    validate: (value) => {
      const violation = findObjectViolation(PREFERENCE_RULES, value);
      return violation ? { issues: [violation] } : { value: value as Preferences };
    },
  },
};
