// Your own preferences: one schema for the server and the page.
import assert from 'node:assert/strict';
import { once } from 'node:events';
import express from 'express';
import { createPouchgate } from 'pouchgate';
import { createPreferencesStream } from '@pouchgate/client/stream';
import { startTestCouchdb } from 'pouchgate/testing';
import { z } from 'zod';

// Put this into a module that both import. All members are optional and validated independently.
const schema = z.strictObject({
  density: z.enum(['cosy', 'compact']).optional(),
  fontSize: z.int().min(8).max(40).optional(),
  pinned: z.array(z.string().max(100)).max(20).optional(),
});
const defaults = { density: 'cosy', fontSize: 14, pinned: [] };

// The server.
const couchdb = await startTestCouchdb();
const pouchgate = await createPouchgate({
  couchdb: couchdb.access,
  authenticate: (req) => ({
    username: req.get('authorization').slice('Bearer '.length),
    expiresAt: Date.now() + 60_000,
  }),
  preferences: { schema, defaults },
});
const app = express();
app.use(pouchgate.router);
const server = app.listen(0, '127.0.0.1');
await once(server, 'listening');
const origin = `http://127.0.0.1:${server.address().port}`;

// A page that works offline and edits uses `createPreferencesStore({ url: `${origin}/sync/user_registry`, …, schema, defaults })`.
// A page that only reads uses:
const stream = createPreferencesStream({
  url: `${origin}/api/users/preferences/stream`,
  username: 'alice',
  getToken: async () => 'alice',
  schema,
  defaults,
});
await stream.ready;
assert.deepEqual(stream.get(), defaults);

const updated = new Promise((resolve) => {
  stream.subscribe(() => stream.get().fontSize === 20 && resolve());
});
await pouchgate.edit('alice', { fontSize: 20, pinned: ['inbox'] });
await updated;
assert.deepEqual(stream.get(), { density: 'cosy', fontSize: 20, pinned: ['inbox'] });
await assert.rejects(pouchgate.edit('alice', { fontSize: 4 }));

stream.close();
await pouchgate.close();
server.close();
server.closeAllConnections();
await couchdb.close();
