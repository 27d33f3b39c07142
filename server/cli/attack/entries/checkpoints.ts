import { randomBytes } from 'node:crypto';
import { getString, parseJson } from '../../../lib/json.ts';
import { withJson, type AttackEntry } from '../entry.ts';

/** `_local` documents of another user. */
export const CHECKPOINTS: readonly AttackEntry[] = [
  {
    group: 'checkpoints',
    request: 'GET, PUT and DELETE of a checkpoint of user B',
    expectation: 'not the checkpoint of user B, which is unchanged',
    async run(probe, { path, victim }) {
      const target = `${path}/_local/attack-${randomBytes(6).toString('hex')}`;
      const secret = `checkpoint-${randomBytes(8).toString('hex')}`;
      const written = await victim.send(withJson('PUT', target, { last_seq: secret }));
      if (written === undefined || written.status >= 300) {
        probe.note('not sent: user B cannot write a checkpoint');
        return;
      }
      const read = await probe.send({ method: 'GET', target });
      if (read?.body.includes(secret) === true) probe.report(`GET ${target}`, 'reveals the checkpoint of user B');
      await probe.send(withJson('PUT', target, { last_seq: 'attacked' }));
      const rev = getString(parseJson(written.body), 'rev') ?? '0-1';
      await probe.send(withJson('PUT', target, { last_seq: 'attacked', _rev: rev }));
      await probe.send({ method: 'DELETE', target: `${target}?rev=${rev}` });
      const after = await victim.send({ method: 'GET', target });
      if (after?.body.includes(secret) !== true)
        probe.report(`PUT and DELETE ${target}`, 'changed the checkpoint of user B');
      // Each user deletes their own.
      const revision = getString(parseJson(after?.body ?? ''), '_rev') ?? rev;
      await victim.send({ method: 'DELETE', target: `${target}?rev=${revision}` });
      const own = await probe.send({ method: 'GET', target });
      const ownRevision = getString(parseJson(own?.body ?? ''), '_rev');
      if (ownRevision !== undefined) await probe.send({ method: 'DELETE', target: `${target}?rev=${ownRevision}` });
    },
  },
  {
    group: 'checkpoints',
    request: 'GET of internal _local documents of user B',
    expectation: 'the same response as for one that does not exist',
    async run(probe, { path, names, missingId }) {
      const missing = missingId.slice(names.own.id.length - names.own.username.length);
      for (const kind of ['checkpoints', 'merged', 'session', 'link']) {
        await probe.compareWithMissing((id) => {
          const name = id === names.other.id ? names.other.username : missing;
          return { method: 'GET', target: `${path}/_local/${kind}:${encodeURIComponent(name)}` };
        });
      }
      for (const endpoint of ['_local_docs', '_local_docs?include_docs=true', '_local/', '_local'])
        await probe.send({ method: 'GET', target: `${path}/${endpoint}` });
    },
  },
];
