/** The component that checks/hydration.ts renders on a server and hydrates in a browser. */
import type { PreferencesStore } from '../../../client/index.ts';
import { usePreference, usePreferences, useSyncStatus } from '../../../client/react.ts';

export const HydrationPage = ({ store }: { readonly store: PreferencesStore }) => (
  <p>{[usePreference(store, 'theme'), usePreferences(store).viewMode, useSyncStatus(store).state].join(' ')}</p>
);
