/** The page's values in localStorage. They contain no secrets, and nothing of a user who has signed out. */
import type { Environment } from '../../platform/environment.ts';
import { removeItem } from '../../platform/local-data.ts';

const USERNAME_KEY = 'pouchgate:username';
const THEME_KEY = 'pouchgate:theme';
const NAMESPACES_KEY = 'pouchgate:devices-here';
const SIGN_OUT_PENDING_KEY = 'pouchgate:sign-out-pending';

export interface AppStorage {
  /** The user whose data a reload opens, even offline. */
  readonly username: () => string | undefined;
  readonly setUsername: (username: string) => void;
  /** Stores the current theme for public/theme.js. */
  readonly setTheme: (theme: string) => void;
  /** Whether the user has signed out here and the request to the server has yet to succeed. */
  readonly isSignOutPending: () => boolean;
  readonly setSignOutPending: (pending: boolean) => void;
  /** The namespaces of simulated devices that have stored data (local-devices.ts). */
  readonly namespaces: () => readonly string[];
  readonly setNamespaces: (namespaces: readonly string[]) => void;
  readonly clearUser: () => void;
}

export function createAppStorage(storage: Environment['storage']): AppStorage {
  const remove = (key: string): boolean => removeItem(storage, key);
  return {
    username: () => storage[USERNAME_KEY],
    setUsername: (username) => {
      storage[USERNAME_KEY] = username;
    },
    setTheme: (theme) => {
      storage[THEME_KEY] = theme;
    },
    isSignOutPending: () => storage[SIGN_OUT_PENDING_KEY] !== undefined,
    setSignOutPending: (pending) => {
      if (pending) storage[SIGN_OUT_PENDING_KEY] = '1';
      else remove(SIGN_OUT_PENDING_KEY);
    },
    namespaces: () => (storage[NAMESPACES_KEY] ?? '').split(' ').filter((namespace) => namespace !== ''),
    setNamespaces: (namespaces) => {
      if (namespaces.length > 0) storage[NAMESPACES_KEY] = namespaces.join(' ');
      else remove(NAMESPACES_KEY);
    },
    clearUser: () => {
      remove(USERNAME_KEY);
      remove(THEME_KEY);
    },
  };
}
