import { createElement } from 'react';
import { renderToString } from 'react-dom/server';
import { z } from 'zod';
import { createPreferencesStore, type StoreOptions } from './index.ts';
import { usePreference, usePreferences, useSyncStatus } from './react.ts';
import { createPreferencesStream } from './stream.ts';

const getToken = (): Promise<string> => Promise.resolve('token');
const good = { url: 'https://example.org/sync/user_registry', username: 'alice', getToken };

it.each([
  [{ ...good, url: undefined }, 'url is not a URL such as https://example.org/sync/user_registry: undefined'],
  // PouchDB would open a local database of this name.
  [{ ...good, url: '/sync/user_registry' }, 'url is not a URL'],
  // Paths are appended to the URL.
  [{ ...good, url: `${good.url}?tenant=1` }, 'url is not a URL'],
  [{ ...good, url: `${good.url}#preferences` }, 'url is not a URL'],
  [{ ...good, url: 'ftp://example.org/sync/user_registry' }, 'url is not a URL'],
  [{ ...good, url: 'https://' }, 'url is not a URL'],
  // `fetch` rejects a URL with credentials.
  [{ ...good, url: 'https://alice:secret@example.org/sync/user_registry' }, 'url is not a URL'],
  [{ ...good, username: undefined }, 'username is not a string'],
  [{ ...good, getToken: undefined }, 'getToken is not a function'],
  [{ ...good, getToken: 'token' }, 'getToken is not a function'],
  [{ ...good, idPrefix: 'User_' }, 'idPrefix is not the ID_PREFIX of a server'],
  [{ ...good, idPrefix: '' }, 'idPrefix is not the ID_PREFIX of a server'],
  [{ ...good, idPrefix: null }, 'idPrefix is not the ID_PREFIX of a server'],
  [{ ...good, schema: { type: 'object' } }, 'schema is not a Standard Schema'],
  [{ ...good, schema: z.strictObject({ density: z.string() }) }, 'density is required by the schema'],
  [{ ...good, schema: z.strictObject({ density: z.string().default('cosy') }) }, 'density has a default value'],
  [{ ...good, schema: z.strictObject({ apiToken: z.string().optional() }) }, 'apiToken needs another name'],
  [{ ...good, schema: z.strictObject({ 'a b': z.string().optional() }) }, 'a b needs another name'],
  [{ ...good, schema: z.strictObject({}).refine(() => Promise.resolve(true)) }, 'an asynchronous check'],
  [{ ...good, upgrade: 'colour' }, 'upgrade is not a synchronous function that returns an object'],
  [{ ...good, upgrade: () => Promise.resolve({}) }, 'upgrade is not a synchronous function'],
  [{ ...good, upgrade: () => undefined }, 'upgrade is not a synchronous function'],
  [{ ...good, timing: { heartbeat: 10 } }, 'timing.heartbeat is not from 1000 to 60000 ms'],
  [{ ...good, timing: { heartbeat: '5000' } }, 'timing.heartbeat is not from 1000'],
  [{ ...good, timing: { silence: NaN } }, 'timing.silence is not from 5001 to 2147483647 ms'],
  // A timer with a longer delay expires at once.
  [{ ...good, timing: { response: Infinity } }, 'timing.response is not from 1 to 2147483647 ms'],
  [{ ...good, timing: { response: undefined } }, 'timing.response is not from 1 to 2147483647 ms'],
  [{ ...good, timing: { heartbeat: 9_000 } }, 'timing.silence is not from 9001 to'],
])('a store rejects %p and names the option', (options, message) => {
  const create = (): unknown => createPreferencesStore(options as unknown as StoreOptions);
  expect(create).toThrow(TypeError);
  expect(create).toThrow(message);
});

it.each(['', 'a'.repeat(256), '\ud800'])('a store rejects the username %j', (username) => {
  const create = (): unknown => createPreferencesStore({ ...good, username });
  expect(create).toThrow(RangeError);
  expect(create).toThrow('username is not a well-formed text of 1 to 255 characters.');
});

it.each([
  [{ ...good, url: '' }, 'url is not a URL'],
  // A query is appended to the URL.
  [{ ...good, url: '/api/users/preferences/stream#now' }, 'url is not a URL'],
  [{ ...good, url: 'javascript:alert(1)' }, 'url is not a URL'],
  [{ ...good, url: '//alice:secret@example.org/stream' }, 'url is not a URL'],
  [{ ...good, username: null }, 'username is not a string'],
  [{ ...good, getToken: undefined }, 'getToken is not a function'],
  [{ ...good, schema: {} }, 'schema is not a Standard Schema'],
  [{ ...good, silence: 0 }, 'silence is not from 1000 to'],
  [undefined, 'url is not a URL'],
])('a stream rejects %p and names the option', (options, message) => {
  expect(() => createPreferencesStream(options as unknown as typeof good)).toThrow(message);
});

it.each([
  'https://example.org/sync/user_registry',
  'http://[::1]:4000/sync/user_registry/',
  'https://b\u00fccher.example/s',
])('a store accepts %s', (url) => {
  expect(() => createPreferencesStore({ ...good, url })).not.toThrow();
});

it('a hook without a store names itself: a context may have no provider', () => {
  expect(() => renderToString(createElement(() => JSON.stringify(usePreferences(undefined as never))))).toThrow(
    'usePreferences received no store. Pass the one that createPreferencesStore returned.',
  );
  expect(() => renderToString(createElement(() => String(usePreference({} as never, 'theme' as never))))).toThrow(
    'usePreference received no store',
  );
  expect(() => renderToString(createElement(() => useSyncStatus(undefined as never).state))).toThrow(
    'useSyncStatus received no store',
  );
});
