import {
  createPreferenceSchema,
  createUserDocumentReader,
  type PreferenceSchema,
  type UserDocumentReader,
} from '../../../couchdb-design/user-document/user-document.ts';
import type { AnyPreferenceRules } from '../users/load-schema.ts';

/** How stored documents are read and checked. */
export interface DocumentRules {
  readonly read: UserDocumentReader;
  readonly schema: Pick<PreferenceSchema, 'findViolation'>;
}

/** Returns the rules of an application's preferences, for a registry with this prefix of ids. */
export const createDocumentRules = (
  { schema }: Pick<AnyPreferenceRules, 'schema'>,
  idPrefix: string,
): DocumentRules => ({
  read: createUserDocumentReader(idPrefix),
  schema: createPreferenceSchema(schema),
});
