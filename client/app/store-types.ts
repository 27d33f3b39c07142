/** The library's types, instantiated with this app's preferences. */
import type { Preferences, PreferencesPatch } from '../../couchdb-design/user-document/preference-rules.ts';
import type { PreferencesStore } from '../index.ts';

export type AppStore = PreferencesStore;
export type PreferenceValues = Required<Preferences>;
export type PreferenceKey = keyof PreferenceValues;
export type Patch = PreferencesPatch;
