import { misleadingHeaders } from '../generate/attack-cases.ts';
import { withJson, type AttackEntry } from '../entry.ts';

/** Headers by which a server or proxy may take a request for another one. */
export const HEADERS: readonly AttackEntry[] = [
  {
    group: 'headers',
    request: 'GET <B>, _changes and _all_docs with misleading headers',
    expectation: 'the same response as for a document that does not exist',
    async run(probe, { path, names }) {
      for (const headers of misleadingHeaders(names)) {
        await probe.compareWithMissing((id) => ({
          method: 'GET',
          target: `${path}/${encodeURIComponent(id)}`,
          headers,
        }));
        await probe.send({ method: 'GET', target: `${path}/_changes`, headers });
        await probe.send({ method: 'GET', target: `${path}/_all_docs`, headers });
      }
    },
  },
  {
    group: 'headers',
    request: 'GET of the own document with such headers, and no token',
    expectation: '4xx',
    async run(probe, { path, names }) {
      for (const headers of misleadingHeaders(names)) {
        await probe.expectRefusal({
          method: 'GET',
          target: `${path}/${encodeURIComponent(names.own.id)}`,
          headers,
          isAnonymous: true,
        });
      }
    },
  },
  {
    group: 'headers',
    request: 'POST to <B> with method overrides',
    expectation: 'the document of user B unchanged',
    async run(probe, { path, names, victim }) {
      const target = `${path}/${encodeURIComponent(names.other.id)}`;
      const rev = victim.revisions.at(-1) ?? '';
      for (const method of ['PUT', 'DELETE', 'COPY']) {
        for (const name of ['X-HTTP-Method-Override', 'X-HTTP-Method', 'X-Method-Override'])
          await probe.expectNoChange(withJson('POST', `${target}?rev=${rev}`, { attacked: true }, { [name]: method }));
        await probe.expectNoChange(withJson('POST', `${target}?rev=${rev}&_method=${method}`, { attacked: true }));
      }
    },
  },
  {
    group: 'headers',
    request: 'GET of the own document with two Authorization headers',
    expectation: '4xx',
    async run(probe, { path, names, attacker, victim }) {
      const target = `${path}/${encodeURIComponent(names.own.id)}`;
      const { authorization } = attacker;
      for (const Authorization of [
        [authorization, victim.authorization],
        [victim.authorization, authorization],
        ['Bearer x', authorization],
      ])
        await probe.expectRefusal({ method: 'GET', target, headers: { Authorization } });
    },
  },
  {
    group: 'headers',
    request: 'the token in the query, a cookie or another scheme',
    expectation: '4xx',
    async run(probe, { path, names, attacker }) {
      const { token } = attacker.credentials;
      const target = `${path}/${encodeURIComponent(names.own.id)}`;
      for (const name of ['access_token', 'token', 'authorization', 'jwt'])
        await probe.expectRefusal({ method: 'GET', target: `${target}?${name}=${token}`, isAnonymous: true });
      for (const headers of [
        { Cookie: `AuthSession=${token}; token=${token}; access_token=${token}` },
        { Authorization: `Basic ${Buffer.from(`${names.own.username}:${token}`).toString('base64')}` },
        { 'Proxy-Authorization': `Bearer ${token}` },
        { 'X-Access-Token': token, 'X-Authorization': `Bearer ${token}` },
      ])
        await probe.expectRefusal({ method: 'GET', target, headers, isAnonymous: true });
    },
  },
];
