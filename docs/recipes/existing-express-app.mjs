// Pouchgate in an Express application that has its own users and sessions.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import express from 'express';
import { createPouchgate } from 'pouchgate';
import { startTestCouchdb } from 'pouchgate/testing';

// Replace this by your CouchDB: { url, username, password, jwtSecret } as printed by `pouchgate setup`.
const couchdb = await startTestCouchdb();

// Replace this by your sessions: the user of each, and when it expires.
const sessions = new Map([['session-1', { username: 'alice', expiresAt: Date.now() + 3_600_000 }]]);

const pouchgate = await createPouchgate({
  couchdb: couchdb.access,
  base: '/prefs',
  // Pages of other sites cannot make a browser send this header. With a cookie, also check Sec-Fetch-Site.
  authenticate: (req) => sessions.get(req.get('x-session') ?? ''),
});

const app = express();
app.use('/prefs', pouchgate.router); // before any body parser
app.use(express.json());
app.get('/', (_req, res) => res.send('Your application'));
app.post('/sign-out', (req, res) => {
  const sessionId = req.get('x-session') ?? '';
  const session = sessions.get(sessionId);
  sessions.delete(sessionId);
  if (session !== undefined) pouchgate.endUser(session.username); // live requests end at once
  res.sendStatus(204);
});
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;

// PouchDB in a page replicates with `${origin}/prefs/sync/user_registry`. Other programs use plain HTTP:
const headers = { 'x-session': 'session-1', 'content-type': 'application/json' };
const preferencesUrl = `${origin}/prefs/api/users/preferences`;
const response = await fetch(preferencesUrl, { method: 'PATCH', headers, body: '{"theme":"dark"}' });
assert.equal(response.status, 200);

// Your own server reads and sets preferences without HTTP. Every open page shows the change.
assert.equal((await pouchgate.read('alice')).preferences.theme, 'dark');
await pouchgate.edit('alice', { viewMode: 'table' });
assert.equal((await (await fetch(preferencesUrl, { headers })).json()).preferences.viewMode, 'table');

await fetch(`${origin}/sign-out`, { method: 'POST', headers });
assert.equal((await fetch(preferencesUrl, { headers })).status, 401);

await pouchgate.close();
server.close();
server.closeAllConnections();
await couchdb.close();
