/** The library's types as this app uses them, with its own preferences. */
import type { Preferences, PreferencesPatch } from '../../couchdb-design/user-document/preference-rules.ts';
import type { PreferencesStore } from '../index.ts';

export type AppStore = PreferencesStore;
export type PreferenceValues = Required<Preferences>;
export type PreferenceKey = keyof PreferenceValues;
export type Patch = PreferencesPatch;
