/** The main entry of the client library. */
import type { Values } from '../couchdb-design/user-document/preference-schema.ts';
import { isBrowser } from './platform/environment.ts';
import { resolveOptions } from './resolve-options.ts';
import { createServerStore } from './server-store.ts';
import { SyncedStore } from './synced-store.ts';
import type { PreferencesStore, SchemaOptions, ShownOf, StoreOptions } from './types.ts';

/**
 * Opens the preferences of one user in this browser and keeps them in sync until `close` or `signOut`. Reads and writes use
 * the local database only, so they work offline. Open one store for each user in each tab. During server-side rendering
 * there is no database: the store only shows the defaults, starts nothing, and needs no `close`.
 *
 * @param options - The server, the user, how to get tokens, and optionally the application's own schema and defaults.
 * @returns The store. It is usable at once: it shows the defaults until `ready` resolves.
 * @throws RangeError if `username` is not a well-formed text of 1 to 255 characters.
 * @throws TypeError if an option is missing or invalid, or if preferences cannot have the schema or the upgrade.
 * @example
 * ```ts
 * const store = createPreferencesStore({
 *   url: 'https://example.org/sync/user_registry',
 *   username: 'alice',
 *   getToken: async () => session.accessToken,
 * });
 * store.subscribe(() => render(store.get(), store.status()));
 * await store.set({ theme: 'dark' });
 * ```
 * @example
 * With a schema of the application's own:
 * ```ts
 * const schema = z.strictObject({ density: z.enum(['cosy', 'compact']).optional() });
 * const store = createPreferencesStore({ ...options, schema, defaults: { density: 'cosy' } });
 * ```
 */
export function createPreferencesStore(options: StoreOptions): PreferencesStore;
export function createPreferencesStore<P extends object, const D extends Partial<P> = object>(
  options: StoreOptions & SchemaOptions<P, D>,
): PreferencesStore<P, ShownOf<P, D>>;
export function createPreferencesStore(
  options: StoreOptions & Partial<SchemaOptions<object, object>>,
): PreferencesStore<Values, Values> {
  const resolved = resolveOptions(options);
  const canStore = options.openDatabase !== undefined || isBrowser();
  return canStore ? new SyncedStore(resolved) : createServerStore(resolved);
}
