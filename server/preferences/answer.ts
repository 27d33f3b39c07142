import { doorOf } from '../../couchdb-design/doors.ts';
import { parseEditStamp } from '../../couchdb-design/edit-stamp.ts';
import { withDefaults } from '../../couchdb-design/user-document.ts';
import type { UserPreferencesAnswer } from '../contract.ts';
import type { UserPreferences } from './service.ts';

/** What the preferences are told as, by every door. */
export function preferencesAnswer({ document }: UserPreferences): UserPreferencesAnswer {
  const edits = Object.entries(document.edits).flatMap(([key, stamp]) => {
    const [parts, by] = [parseEditStamp(stamp), doorOf(stamp)];
    if (parts === undefined || by === undefined) return [];
    return [[key, { at: new Date(parts.time).toISOString(), by, device: parts.device }] as const];
  });
  return {
    preferences: withDefaults(document.preferences),
    edits: Object.fromEntries(edits),
    updatedAt: document.updated_at,
  };
}
