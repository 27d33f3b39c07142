import { toRequestTarget } from '../generate/names.ts';
import { unknownTargets } from '../generate/unknown-targets.ts';
import type { AttackEntry } from '../entry.ts';

const NOTHING_INTERNAL = 'nothing of another document, database or interface';

/** Requests for what CouchDB has and the gate must not have. */
export const PATHS: readonly AttackEntry[] = [
  {
    group: 'paths',
    request: 'CouchDB’s endpoints, with slashes, dots, escapes and case',
    expectation: NOTHING_INTERNAL,
    async run(probe, { names }) {
      for (const target of unknownTargets(names).map(toRequestTarget)) {
        await probe.send({ method: 'GET', target });
        await probe.send({ method: 'POST', target, headers: { 'Content-Type': 'application/json' }, body: '{}' });
      }
    },
  },
  {
    group: 'paths',
    request: 'CouchDB’s endpoints at the root of the server',
    expectation: NOTHING_INTERNAL,
    async run(probe, { names: { database, sessions, other } }) {
      for (const path of [
        '_all_dbs',
        '_dbs_info',
        '_session',
        '_users/_all_docs',
        `_users/org.couchdb.user:${other.username}`,
        '_node/_local/_config',
        '_node/nonode@nohost/_config',
        '_config',
        '_active_tasks',
        '_membership',
        '_replicator/_all_docs',
        '_scheduler/jobs',
        '_db_updates',
        '_utils/',
        '_stats',
        `${database}/_all_docs?include_docs=true`,
        `${database}/_changes?include_docs=true`,
        `${database}/_security`,
        `${database}/${encodeURIComponent(other.id)}`,
        `${database}/_design/registry`,
        `${sessions}/_all_docs`,
      ]) {
        for (const isAnonymous of [true, false]) await probe.send({ method: 'GET', target: `/${path}`, isAnonymous });
      }
    },
  },
  {
    group: 'paths',
    request: '<B> by a name in the HTTP API’s paths and queries',
    expectation: NOTHING_INTERNAL,
    async run(probe, { names: { other }, target: { api } }) {
      const name = encodeURIComponent(other.username);
      for (const path of [
        `/users/profile?username=${name}`,
        `/users/preferences?username=${name}&user=${name}`,
        `/users/preferences?id=${encodeURIComponent(other.id)}`,
        `/users/${name}/preferences`,
        `/users/${name}`,
        `/users/preferences/..%2f${name}`,
        `/users/preferences/__proto__`,
        `/users/preferences/constructor`,
        `/auth/sessions?username=${name}`,
        `/auth/sessions/${name}`,
      ])
        await probe.send({ method: 'GET', target: `${api}${path}` });
    },
  },
];
