import type { AnyPreferenceRules } from '../load-schema.ts';

/** How stored documents are read and checked. */
export type DocumentRules = Pick<AnyPreferenceRules, 'readUserDocument' | 'schema'>;
