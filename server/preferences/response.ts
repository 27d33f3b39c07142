import { editSourceOf } from '../../couchdb-design/user-document/edit-sources.ts';
import { parseEditStamp } from '../../couchdb-design/user-document/edit-stamp.ts';
import type { UserPreferencesResponse } from '../contract.ts';
import type { PreferenceDefinition } from './schema.ts';
import type { UserPreferences } from './service.ts';

/** The response of contract.ts, with the application's own preferences. */
export type PreferencesResponse<P extends object> = Omit<UserPreferencesResponse, 'preferences'> & { preferences: P };

/** Returns the preferences in the form that every interface sends, with defaults for those that were never set. */
export function createPreferencesResponse<P extends object>(
  { document }: Pick<UserPreferences<P>, 'document'>,
  { defaults }: Pick<PreferenceDefinition<P>, 'defaults'>,
): PreferencesResponse<P> {
  const edits = Object.entries(document.edits).flatMap(([key, stamp]) => {
    const [parts, by] = [parseEditStamp(stamp), editSourceOf(stamp)];
    if (parts === undefined || by === undefined) return [];
    return [[key, { at: new Date(parts.time).toISOString(), by, device: parts.device }] as const];
  });
  return {
    preferences: { ...defaults, ...document.preferences },
    edits: Object.fromEntries(edits),
    updatedAt: document.updated_at,
  };
}
