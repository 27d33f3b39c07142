import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { parseUsername, userDocumentId, type Username } from '../../couchdb-design/user-document/user-document.ts';
import { connect } from '../upstream/client.ts';
import { readStoredLeaves } from './read-leaves.ts';

const alice = userDocumentId(parseUsername('alice') as Username);
let server: Server | undefined;
afterEach(() => new Promise((resolve) => server?.close(resolve)));

/** Reads the leaves from a database that sends `response` for the document. */
async function readFrom(response: unknown): ReturnType<typeof readStoredLeaves> {
  server = createServer((_req, res) =>
    res.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(response)),
  );
  await once(server.listen(0, '127.0.0.1'), 'listening');
  const { port } = server.address() as AddressInfo;
  const couch = connect({ url: `http://127.0.0.1:${port}`, username: 'x', password: 'x' });
  return readStoredLeaves(couch, 'user_registry', alice);
}

it('returns the leaves that are not deleted, the winner first', async () => {
  const leaf = (rev: string, members = {}) => ({ ok: { _id: alice, _rev: rev, ...members } });
  const { live, state } = await readFrom([leaf('1-a'), leaf('2-c', { _deleted: true }), leaf('2-b')]);
  expect(live.map(({ rev }) => rev)).toEqual(['2-b', '1-a']);
  expect(state).toEqual({ leaves: ['2-c', '2-b', '1-a'], deleted: false });
});

it.each([
  ['of another document', [{ ok: { _id: 'user_bob', _rev: '1-a' } }]],
  ['that is missing', [{ missing: '1-a' }]],
])('rejects a response with a leaf %s, which would be merged into this document: 502', async (_what, response) => {
  await expect(readFrom(response)).rejects.toMatchObject({ status: 502 });
});
