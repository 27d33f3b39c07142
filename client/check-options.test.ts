import { createPreferencesStore, type StoreOptions } from './index.ts';
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
  [{ ...good, username: undefined }, 'username is not a string'],
  [{ ...good, getToken: undefined }, 'getToken is not a function'],
  [{ ...good, getToken: 'token' }, 'getToken is not a function'],
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
  [{ ...good, username: null }, 'username is not a string'],
  [{ ...good, getToken: undefined }, 'getToken is not a function'],
])('a stream rejects %p and names the option', (options, message) => {
  expect(() => createPreferencesStream(options as unknown as typeof good)).toThrow(message);
});
