/**
 * The preferences' rules without zod, as a Standard Schema (https://standardschema.dev): what the browser's library
 * checks by when the application brings no schema of its own.
 */
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { PREFERENCE_RULES, type Preferences } from './preference-rules.ts';
import { faultsIn } from './value-rules.ts';

export const preferencesStandard: StandardSchemaV1<Preferences> = {
  '~standard': {
    version: 1,
    vendor: 'pouchgate',
    validate: (value) => {
      const faults = faultsIn(PREFERENCE_RULES, value);
      return faults.length > 0 ? { issues: faults.map((message) => ({ message })) } : { value: value as Preferences };
    },
  },
};
