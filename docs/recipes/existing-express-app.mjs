// Pouchgate in an Express application that has people and sessions of its own.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import express from 'express';
import { createPouchgate } from 'pouchgate';
import { startTestCouchdb } from 'pouchgate/testing';

// In place of your CouchDB: { url, username, password, jwtSecret } as `pouchgate setup` prints them.
const couchdb = await startTestCouchdb();

// In place of your sessions: who has which, and until when.
const sessions = new Map([['a-session-of-yours', { username: 'alice', expiresAt: Date.now() + 3_600_000 }]]);

const pouchgate = await createPouchgate({
  couchdb: couchdb.access,
  base: '/prefs',
  // A header, which no other site's page can make a browser send. With a cookie, check Sec-Fetch-Site too.
  authenticate: (req) => sessions.get(req.get('x-session') ?? ''),
});

const app = express();
app.use('/prefs', pouchgate.router); // before any body parser
app.use(express.json());
app.get('/', (_req, res) => res.send('your application'));
app.post('/sign-out', (req, res) => {
  const session = sessions.get(req.get('x-session') ?? '');
  sessions.delete(req.get('x-session') ?? '');
  if (session !== undefined) pouchgate.endUser(session.username); // live requests end at once
  res.sendStatus(204);
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;

// A page's PouchDB replicates with `${origin}/prefs/sync/user_registry`; programs use plain HTTP:
const headers = { 'x-session': 'a-session-of-yours', 'content-type': 'application/json' };
const preferences = `${origin}/prefs/api/users/preferences`;
const set = await fetch(preferences, { method: 'PATCH', headers, body: '{"theme":"dark"}' });
assert.equal(set.status, 200);

// Your own server reads and sets them without HTTP, and every open page shows it.
assert.equal((await pouchgate.read('alice')).preferences.theme, 'dark');
await pouchgate.edit('alice', { viewMode: 'table' });
assert.equal((await (await fetch(preferences, { headers })).json()).preferences.viewMode, 'table');

await fetch(`${origin}/sign-out`, { method: 'POST', headers });
assert.equal((await fetch(preferences, { headers })).status, 401);

await pouchgate.close();
server.close();
server.closeAllConnections();
await couchdb.close();
