/**
 * What a store does with values: it validates and stamps edits, corrects the stamps of a wrong clock, and shows what is stored. It is
 * loaded with PouchDB, when a store is opened, so that a page does not load it at its start.
 */
import { createPreferenceSchema } from '../../couchdb-design/user-document/preference-schema.ts';
import { preferencesStandardSchema } from '../../couchdb-design/user-document/preferences-standard-schema.ts';
import type { Values } from '../../couchdb-design/user-document/preference-schema.ts';
import { findCorrections, storeCorrections } from './correct-stamps.ts';
import { createEdits, type EditContext } from './create-edits.ts';
import type { Edits } from './edits.ts';
import type { LocalDocument } from './leaf.ts';
import type { SchemaChoice } from './schema.ts';
import { computeVisiblePreferences } from './visible-preferences.ts';

export interface Rules {
  /** See createEdits. */
  readonly createEdits: (patch: Values, context: EditContext) => Edits;
  readonly findCorrections: typeof findCorrections;
  readonly storeCorrections: typeof storeCorrections;
  /** See computeVisiblePreferences. */
  readonly show: (document: LocalDocument, previous: Values) => Values;
}

export const createRules = ({ schema = preferencesStandardSchema, defaults, upgrade }: SchemaChoice): Rules => {
  const view = { schema: createPreferenceSchema(schema), defaults, upgrade };
  return {
    createEdits: (patch, context) => createEdits(view, patch, context),
    findCorrections,
    storeCorrections,
    show: (document, previous) => computeVisiblePreferences(view, document, previous),
  };
};
