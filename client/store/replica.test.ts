import PouchDB from 'pouchdb-core';
import memoryAdapter from 'pouchdb-adapter-memory';
import { parseUsername, userDocumentId, type Username } from '../../couchdb-design/user-document/username.ts';
import type { StoredBody } from '../platform/database.ts';
import { readLeaves } from './replica.ts';

PouchDB.plugin(memoryAdapter);

const id = userDocumentId(parseUsername('alice') as Username);

test('a leaf that is replaced and compacted during a read is no failure: the leaves are read again', async () => {
  const database = new PouchDB<StoredBody>('replaced-leaves', { adapter: 'memory', auto_compaction: true });
  let { rev } = await database.put({ _id: id, count: 0 });
  for (let count = 1; count <= 100; count += 1) {
    const writing = database.put({ _id: id, _rev: rev, count });
    const reading = Promise.all(Array.from({ length: 5 }, () => readLeaves({ database, id })));
    ({ rev } = await writing);
    for (const leaves of await reading) expect(leaves).toHaveLength(1);
  }
  await database.destroy();
});

test('a closed database is reported', async () => {
  const database = new PouchDB<StoredBody>('closed-database', { adapter: 'memory' });
  await database.put({ _id: id });
  await database.destroy();
  await expect(readLeaves({ database, id })).rejects.toThrow();
});
