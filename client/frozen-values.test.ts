/** The caller cannot change the values that the store and the stream return: the store would show values that were never set. */
import PouchDB from 'pouchdb-browser';
import { z } from 'zod';
import { createPreferencesStore } from './preferences-store.ts';
import { memoryAdapter, MEMORY_ADAPTER } from './platform/memory-adapter.ts';
import { createPreferencesStream } from './stream.ts';

PouchDB.plugin(memoryAdapter);

const offline = (): Promise<never> => Promise.reject(new TypeError('Failed to fetch'));
const defaults = { tags: ['default'], presets: [{ name: 'all' }] };
const schema = z.strictObject({
  tags: z.array(z.string()).optional(),
  presets: z.array(z.object({ name: z.string() })).optional(),
});
let count = 0;
const openStore = () => {
  const store = createPreferencesStore({
    url: 'http://127.0.0.1:9/sync/user_registry',
    username: `user${(count += 1)}`,
    getToken: () => Promise.resolve('token'),
    openDatabase: (name) => new PouchDB(name, { adapter: MEMORY_ADAPTER }),
    environment: { fetch: offline },
    schema,
    defaults,
  });
  stores.push(store);
  return store;
};
const stores: { readonly close: () => Promise<void> }[] = [];
afterEach(() => Promise.all(stores.splice(0).map((store) => store.close())));

/** Returns the paths of all objects in the value that can be changed. */
const mutablePaths = (value: unknown, path = 'value'): readonly string[] =>
  typeof value === 'object' && value !== null
    ? [
        ...(Object.isFrozen(value) ? [] : [path]),
        ...Object.entries(value).flatMap(([key, member]) => mutablePaths(member, `${path}.${key}`)),
      ]
    : [];

test('everything that a store returns is frozen throughout, before and after an edit', async () => {
  const store = openStore();
  const returned = async (): Promise<unknown> => [store.get(), store.status(), await store.inspect(), store.defaults];
  const isWrapper = (path: string): boolean => path === 'value';
  expect(mutablePaths(await returned()).filter((path) => !isWrapper(path))).toEqual([]);
  await store.set({ tags: ['a'], presets: [{ name: 'mine' }] });
  expect(mutablePaths(await returned()).filter((path) => !isWrapper(path))).toEqual([]);
  expect(() => store.get().tags.push('b')).toThrow(TypeError);
  expect(store.get()).toEqual({ tags: ['a'], presets: [{ name: 'mine' }] });
});

test('an edit and the defaults stay the caller’s: neither is frozen, and a later change of them has no effect', async () => {
  const store = openStore();
  await store.ready;
  const tags = ['a'];
  const edit = store.set({ tags });
  tags.push('b');
  defaults.presets.push({ name: 'later' });
  expect(store.get()).toEqual({ tags: ['a'], presets: [{ name: 'all' }] });
  await edit;
  expect(store.get().tags).toEqual(['a']);
  defaults.presets.pop();
});

test('a stream’s values are also frozen', () => {
  const stream = createPreferencesStream({
    url: 'http://127.0.0.1:9/api/users/preferences/stream',
    username: 'alice',
    getToken: () => Promise.resolve(undefined),
    environment: { fetch: offline },
  });
  expect(mutablePaths(stream.get())).toEqual([]);
  expect(mutablePaths(stream.status())).toEqual([]);
  stream.close();
});
