/** What the page keeps in localStorage: nothing secret, and nothing of a user who has signed out. */
import type { Environment } from '../../platform/environment.ts';
import { remove } from '../../platform/local-data.ts';

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
  const forget = (item: string): void => remove(storage, item);
  return {
    username: () => storage[USERNAME],
    setUsername: (username) => {
      storage[USERNAME] = username;
    },
    setTheme: (theme) => {
      storage[THEME] = theme;
    },
    isSignOutPending: () => storage[ENDING] !== undefined,
    setSignOutPending: (pending) => {
      if (pending) storage[ENDING] = '1';
      else forget(ENDING);
    },
    namespaces: () => (storage[NAMESPACES] ?? '').split(' ').filter((namespace) => namespace !== ''),
    setNamespaces: (namespaces) => {
      if (namespaces.length > 0) storage[NAMESPACES] = namespaces.join(' ');
      else forget(NAMESPACES);
    },
    forgetUser: () => {
      forget(USERNAME);
      forget(THEME);
    },
  };
}
