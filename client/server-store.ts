/** The store during server-side rendering: it shows the defaults, stores and requests nothing, and starts no timer. */
import type { Values } from '../couchdb-design/user-document/preference-schema.ts';
import type { ResolvedOptions } from './resolve-options.ts';
import { INITIAL_STATUS } from './sync/status.ts';
import type { PreferencesStore } from './types.ts';

const noop = (): void => undefined;
const unsubscribe = (): (() => void) => noop;
const resolved = (): Promise<void> => Promise.resolve();
const rejected = (): Promise<never> =>
  Promise.reject(
    new Error('There is no database on this platform. Pass openDatabase to create a store that can write.'),
  );

/** Creates a store that only shows the defaults. Its `set`, `remove` and `inspect` reject. */
export const createServerStore = ({
  username,
  defaults,
}: Pick<ResolvedOptions, 'username' | 'defaults'>): PreferencesStore<Values, Values> => ({
  username,
  defaults,
  ready: resolved(),
  get: () => defaults,
  set: rejected,
  remove: rejected,
  subscribe: unsubscribe,
  on: unsubscribe,
  status: () => INITIAL_STATUS,
  retry: noop,
  dismissRefused: noop,
  inspect: rejected,
  close: resolved,
  signOut: resolved,
});
