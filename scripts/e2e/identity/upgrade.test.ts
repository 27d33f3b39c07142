import { usernameOf } from '../../../couchdb-design/testing/arbitraries.ts';
import { newUserDocument, userDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import { startTestGate } from '../../../server/testing/test-gate.ts';
import { startTestUpstream } from '../../../server/testing/test-database.ts';
import { connect, statusOf } from '../../../server/upstream/client.ts';
import { applySchema } from '../../../server/upstream/schema/apply-schema.ts';
import { addContentHash } from '../../../server/upstream/schema/design-hash.ts';
import { readDatabaseDesign } from '../../../server/upstream/schema/design-documents.ts';

/** The names of users in the versions before subjects were encoded. */
const OLD_USERNAME = 'var USERNAME = /^[a-z0-9][a-z0-9_.@+-]{0,63}$/;';

test('a gate replaces the design document of an earlier version, and existing users keep their documents', async () => {
  const upstream = await startTestUpstream();
  const { names } = upstream;
  const couch = connect(upstream.access);
  await applySchema({ couch, ...names });
  const [design] = (await readDatabaseDesign()).designs;
  if (design === undefined) throw new Error('There is no design document.');
  const source = String(design['validate_doc_update']);
  const old = source.replace(/var USERNAME = .*;/, () => OLD_USERNAME);
  expect(old).not.toBe(source);
  const registry = couch.use<object>(names.registry);
  const { _rev } = await registry.get('_design/registry');
  await registry.insert({ ...addContentHash({ ...design, validate_doc_update: old }), _rev });
  const alice = newUserDocument(usernameOf('alice'), new Date(0));
  const { rev } = await registry.insert({ ...alice });
  const stranger = newUserDocument(usernameOf('auth0|5f7c'), new Date(0));
  expect(await registry.insert({ ...stranger }).catch(statusOf)).toBe(403);

  const gate = await startTestGate({}, { upstream, access: upstream.access });
  const response = await gate.request('alice', `/${userDocumentId(usernameOf('alice'))}`);
  expect(await response.json()).toMatchObject({ _id: 'user_alice', _rev: rev, username: 'alice' });
  const other = await gate.request('auth0|5f7c', `/${userDocumentId(usernameOf('auth0|5f7c'))}`);
  expect(await other.json()).toMatchObject({ _id: 'user_auth0=7C5f7c', username: 'auth0=7C5f7c' });
  await gate.close();
  await upstream.close();
});
