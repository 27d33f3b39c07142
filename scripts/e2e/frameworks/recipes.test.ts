import { start as startExpress4 } from '../../../docs/recipes/express-4.ts';
import { start as startFastify } from '../../../docs/recipes/fastify.ts';
import { start as startHono } from '../../../docs/recipes/hono.ts';
import { start as startNodeHttp } from '../../../docs/recipes/node-http.ts';
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { startMemoryEngine } from '../../../server/testing/memory-engine.ts';
import { exerciseGate, patchPreferences } from './testing/exercise-gate.ts';

/** The recipes of docs/recipes for other frameworks, as they are. */
const RECIPES = [
  ['Fastify', startFastify],
  ['Hono', startHono],
  ['Express 4', startExpress4],
  ['node:http', startNodeHttp],
] as const;

test.each(RECIPES)(
  '%s: live sync, the event stream, edits over REST, the end of access, and close',
  async (_, start) => {
    const engine = closeAfterTests(await startMemoryEngine());
    const server = closeAfterTests(await start(engine.access));
    const gate = { url: `${server.origin}/prefs`, registry: 'user_registry', username: 'alice', token: 'session-1' };

    expect(await (await fetch(server.origin)).text()).toBe('Your application');
    expect((await fetch(`${gate.url}/api/users/profile`)).status).toBe(401);
    expect(
      (await fetch(`${gate.url}/sync/user_registry/_all_docs`, { headers: { authorization: 'Bearer session-1' } }))
        .status,
    ).toBe(404);
    const { stream, peers } = await exerciseGate(gate);

    const ended = stream.waitForEnd();
    const signOut = await fetch(`${server.origin}/sign-out`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gate.token}` },
    });
    expect(signOut.status).toBe(204);
    await ended;
    expect((await patchPreferences(gate, { theme: 'dark' })).status).toBe(401);

    for (const peer of peers) await peer.close();
    await server.close();
    await expect(fetch(server.origin)).rejects.toThrow();
  },
);

test.each(RECIPES)('%s: close ends live requests that are open', async (_, start) => {
  const engine = closeAfterTests(await startMemoryEngine());
  const server = closeAfterTests(await start(engine.access));
  const gate = { url: `${server.origin}/prefs`, registry: 'user_registry', username: 'alice', token: 'session-1' };
  const { stream, peers } = await exerciseGate(gate);
  const ended = stream.waitForEnd();
  await server.close();
  await ended;
  for (const peer of peers) await peer.close();
});
