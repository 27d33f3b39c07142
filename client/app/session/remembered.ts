/** What the page keeps in localStorage: nothing secret, and nothing of a user who has signed out. */
import type { Environment } from '../../platform/environment.ts';

const USERNAME = 'pouchgate:username';
const THEME = 'pouchgate:theme';
const NAMESPACES = 'pouchgate:devices-here';
const ENDING = 'pouchgate:sign-out-pending';

export interface Remembered {
  /** Whose data a reload opens, also without a network. */
  readonly username: () => string | undefined;
  readonly setUsername: (username: string) => void;
  /** The theme on the page, for theme.js. */
  readonly setTheme: (theme: string) => void;
  /** Signed out here while the server could not be told: it is told when it can be. */
  readonly isSignOutPending: () => boolean;
  readonly setSignOutPending: (pending: boolean) => void;
  /** Under which names this page has stored data beside the usual one: see devices-here.ts. */
  readonly namespaces: () => readonly string[];
  readonly setNamespaces: (namespaces: readonly string[]) => void;
  readonly forgetUser: () => void;
}

export function createRemembered(storage: Environment['storage']): Remembered {
  return {
    username: () => storage.getItem(USERNAME) ?? undefined,
    setUsername: (username) => storage.setItem(USERNAME, username),
    setTheme: (theme) => storage.setItem(THEME, theme),
    isSignOutPending: () => storage.getItem(ENDING) !== null,
    setSignOutPending: (pending) => {
      if (pending) storage.setItem(ENDING, '1');
      else storage.removeItem(ENDING);
    },
    namespaces: () => (storage.getItem(NAMESPACES) ?? '').split(' ').filter((namespace) => namespace !== ''),
    setNamespaces: (namespaces) => {
      if (namespaces.length > 0) storage.setItem(NAMESPACES, namespaces.join(' '));
      else storage.removeItem(NAMESPACES);
    },
    forgetUser: () => {
      storage.removeItem(USERNAME);
      storage.removeItem(THEME);
    },
  };
}
