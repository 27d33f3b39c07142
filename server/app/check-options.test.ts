import { z } from 'zod';
import { checkOptions } from './check-options.ts';

const couchdb = { url: 'http://127.0.0.1:5984', username: 'pouchgate', password: 'secret' };
const authenticate = (): undefined => undefined;

it.each([
  [{}],
  [{ couchdb }],
  [{ couchdb: { ...couchdb, jwtSecret: 'c2VjcmV0' } }],
  [{ couchdb: { ...couchdb, docIdsThreshold: 10 } }],
  [{ couchdb: { dataDirectory: './data' } }],
  [{ couchdb, base: '' }],
  [{ couchdb, base: '/a/b', publicUrl: 'https://example.org', corsOrigins: ['https://app.example.org'] }],
  [{ couchdb, registry: 'user_registry', sessions: undefined, idPrefix: 'settings_', log: console }],
])('accepts %j', (options) => {
  expect(() => checkOptions({ authenticate, ...options })).not.toThrow();
});

it.each([
  [undefined, 'createPouchgate needs its options'],
  [{ couchdb }, 'authenticate is missing: it must be a function'],
  [{ couchdb, authenticate: 'alice' }, 'authenticate must be a function'],
  [{ couchdb: 'http://127.0.0.1:5984', authenticate }, 'couchdb must be { url, username, password }'],
  [{ couchdb: {}, authenticate }, 'couchdb.url is missing'],
  [{ couchdb: { ...couchdb, url: '127.0.0.1:5984' }, authenticate }, 'couchdb.url must be the URL'],
  [{ couchdb: { ...couchdb, url: 'http://a:b@127.0.0.1:5984' }, authenticate }, 'couchdb.url must be'],
  [{ couchdb: { ...couchdb, password: undefined }, authenticate }, 'couchdb.password is missing'],
  [{ couchdb: { ...couchdb, username: '' }, authenticate }, 'couchdb.username must be'],
  [{ couchdb: { ...couchdb, jwtSecret: 7 }, authenticate }, 'couchdb.jwtSecret must be the base64 text'],
  [{ couchdb: { ...couchdb, docIdsThreshold: 0 }, authenticate }, 'couchdb.docIdsThreshold must be the lowest'],
  [{ couchdb: { ...couchdb, docIdsThreshold: '10' }, authenticate }, 'an integer from 1'],
  [{ couchdb: { dataDirectory: '' }, authenticate }, 'couchdb.dataDirectory must be the path'],
  [{ couchdb: { ...couchdb, dataDirectory: './data' }, authenticate }, 'both url and dataDirectory'],
  [{ couchdb, authenticate, base: 'prefs' }, 'base must be the path'],
  [{ couchdb, authenticate, base: '/prefs/' }, 'base must be the path'],
  [{ couchdb, authenticate, registry: 'Users' }, 'registry must be the name of a CouchDB database'],
  [{ couchdb, authenticate, sessions: 7 }, 'sessions must be the name'],
  [{ couchdb, authenticate, idPrefix: '7' }, 'idPrefix must be'],
  [{ couchdb, authenticate, publicUrl: 'example.org' }, 'publicUrl must be the URL'],
  [{ couchdb, authenticate, corsOrigins: ['https://example.org/'] }, 'corsOrigins must be an array of origins'],
  [{ couchdb, authenticate, corsOrigins: 'https://example.org' }, 'corsOrigins must be'],
  [{ couchdb, authenticate, log: true }, 'log must be a logger'],
  [{ couchdb, authenticate, log: { warn: authenticate, error: authenticate } }, 'log must be a logger'],
  [{ couchdb, authenticate, preferences: {} }, 'preferences must be { schema, defaults, upgrade }'],
  [{ couchdb, authenticate, preferences: { schema: z.strictObject({}), upgrade: 7 } }, 'and upgrade a function'],
  [{ couchdb, authenticate, basePath: '/prefs' }, 'Unknown option "basePath". The options are couchdb, authenticate'],
])('rejects %j and names the option', (options, message) => {
  expect(() => checkOptions(options)).toThrow(TypeError);
  expect(() => checkOptions(options)).toThrow(message);
});
