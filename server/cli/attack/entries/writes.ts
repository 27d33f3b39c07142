import { randomBytes } from 'node:crypto';
import type { AttackContext } from '../context.ts';
import { withJson, type AttackEntry } from '../entry.ts';

const UNCHANGED = 'the document of user B unchanged';

const newDigest = (): string => randomBytes(16).toString('hex');
const generationOf = (revision: string): number => Number(revision.split('-', 1)[0] ?? 0);

/** The document of user B as user A would write it: with any content, and a revision that user A may have guessed. */
const forgery = ({ victim, names }: AttackContext, members: object = {}): object => {
  const { _rev, ...content } = victim.document;
  return { ...content, _id: names.other.id, _rev, preferences: {}, ...members };
};

/** Returns rows that would change a document, by each way in which CouchDB accepts a revision. */
function rows(context: AttackContext): readonly object[] {
  const parent = context.victim.revisions.at(-1) ?? `1-${newDigest()}`;
  const [child, root] = [newDigest(), newDigest()];
  const start = generationOf(parent) + 1;
  return [
    forgery(context),
    forgery(context, { _deleted: true }),
    forgery(context, { _rev: undefined }),
    forgery(context, { _rev: `${start}-${child}`, _revisions: { start, ids: [child, parent.replace(/^\d+-/, '')] } }),
    forgery(context, { _rev: `99-${root}`, _revisions: { start: 99, ids: [root] } }),
    forgery(context, { _rev: `99-${root}`, _deleted: true }),
  ];
}

/** Writes of the other user's document. */
export const WRITES: readonly AttackEntry[] = [
  {
    group: 'writes',
    request: 'PUT <B>, with and without its revision',
    expectation: UNCHANGED,
    async run(probe, context) {
      const { path, names, victim } = context;
      const target = `${path}/${encodeURIComponent(names.other.id)}`;
      for (const row of rows(context)) {
        for (const query of ['', '?new_edits=false', `?rev=${victim.revisions.at(-1) ?? ''}`, '?batch=ok'])
          await probe.expectNoChange(withJson('PUT', target + query, row));
      }
      for (const revision of [victim.revisions.at(-1) ?? '', '*'])
        await probe.expectNoChange(
          withJson('PUT', target, forgery(context, { _rev: undefined }), { 'If-Match': revision }),
        );
    },
  },
  {
    group: 'writes',
    request: 'POST of <B> to the database',
    expectation: UNCHANGED,
    async run(probe, context) {
      for (const row of rows(context)) {
        for (const path of [context.path, `${context.path}/`]) await probe.expectNoChange(withJson('POST', path, row));
      }
    },
  },
  {
    group: 'writes',
    request: '_bulk_docs with <B>, alone and after an own row',
    expectation: UNCHANGED,
    async run(probe, context) {
      const { path, attacker } = context;
      const target = `${path}/_bulk_docs`;
      for (const row of rows(context)) {
        for (const new_edits of [true, false]) {
          await probe.expectNoChange(withJson('POST', target, { docs: [row], new_edits }));
          await probe.expectNoChange(withJson('POST', target, { docs: [attacker.document, row], new_edits }));
        }
      }
    },
  },
  {
    group: 'writes',
    request: '_bulk_docs and PUT of <B> and of a missing document',
    expectation: 'the same response',
    async run(probe, context) {
      const { path, names } = context;
      for (const new_edits of [true, false]) {
        for (const row of rows(context)) {
          await probe.compareWithMissing((id) =>
            withJson('POST', `${path}/_bulk_docs`, { docs: [{ ...row, _id: id }], new_edits }),
          );
        }
      }
      await probe.compareWithMissing((id) =>
        withJson('PUT', `${path}/${encodeURIComponent(id)}`, { _id: names.own.id }),
      );
    },
  },
  {
    group: 'writes',
    request: 'two _id members in a row, and the name of B in an own row',
    expectation: UNCHANGED,
    async run(probe, context) {
      const { path, names, attacker } = context;
      const [own, other] = [JSON.stringify(names.own.id), JSON.stringify(names.other.id)];
      const content = JSON.stringify(forgery(context, { _id: undefined })).slice(1);
      for (const ids of [
        `"_id":${own},"_id":${other}`,
        `"_id":${other},"_id":${own}`,
        `"_id":${own},"\\u005fid":${other}`,
      ]) {
        for (const body of [`{"docs":[{${ids},${content}]}`, `{"new_edits":false,"docs":[{${ids},${content}]}`])
          await probe.expectNoChange({ ...withJson('POST', `${path}/_bulk_docs`, {}), body });
      }
      const target = `${path}/${encodeURIComponent(names.own.id)}`;
      for (const members of [
        { username: names.other.username },
        { _id: names.other.id },
        { owner: names.other.username },
      ])
        await probe.expectNoChange(withJson('PUT', target, { ...attacker.document, ...members }));
    },
  },
  {
    group: 'writes',
    request: 'DELETE, COPY, PATCH and attachments of <B>',
    expectation: UNCHANGED,
    async run(probe, { path, names, victim }) {
      const target = `${path}/${encodeURIComponent(names.other.id)}`;
      const rev = victim.revisions.at(-1) ?? '';
      const own = `${path}/${encodeURIComponent(names.own.id)}`;
      await probe.expectNoChange({ method: 'DELETE', target: `${target}?rev=${rev}` });
      await probe.expectNoChange({ method: 'DELETE', target, headers: { 'If-Match': rev } });
      await probe.expectNoChange({
        method: 'COPY',
        target: own,
        headers: { Destination: `${names.other.id}?rev=${rev}` },
      });
      await probe.expectNoChange(withJson('PATCH', target, { preferences: {} }));
      await probe.expectNoChange({
        method: 'PUT',
        target: `${target}/attachment?rev=${rev}`,
        headers: { 'Content-Type': 'text/plain' },
        body: 'attacked',
      });
      await probe.expectNoChange({
        method: 'PUT',
        target: `${own}%2F..%2F${names.other.id}?rev=${rev}`,
        headers: { 'Content-Type': 'application/json' },
        body: '{}',
      });
      await probe.expectNoChange(withJson('POST', `${path}/_purge`, { [names.other.id]: [rev] }));
      await probe.expectNoChange(withJson('POST', `${path}/_bulk_docs?_method=PUT`, { docs: [], doc: names.other.id }));
    },
  },
  {
    group: 'writes',
    request: 'PATCH and PUT of preferences over REST that name user B',
    expectation: UNCHANGED,
    async run(probe, { target: { api }, names: { other } }) {
      const headers = { 'Content-Type': 'application/merge-patch+json' };
      for (const body of [{ username: other.username }, { _id: other.id }, { __proto__: null, user: other.username }])
        await probe.expectNoChange(
          withJson('PATCH', `${api}/users/preferences?username=${encodeURIComponent(other.username)}`, body, headers),
        );
      await probe.expectNoChange(withJson('PUT', `${api}/users/${encodeURIComponent(other.username)}/preferences`, {}));
      await probe.expectNoChange(
        withJson('PUT', `${api}/users/preferences/${encodeURIComponent(other.id)}`, 'attacked'),
      );
    },
  },
  {
    group: 'writes',
    request: 'a new document, design document and database',
    expectation: '4xx',
    async run(probe, { path, names: { base } }) {
      const name = `attack-${randomBytes(6).toString('hex')}`;
      // If one of them is accepted, it is deleted.
      for (const target of [
        `${path}/${name}`,
        `${path}/_design/${name}`,
        `${path}/_design%2F${name}`,
        `${base}/${name}`,
      ]) {
        const response = await probe.send(withJson('PUT', target, { language: 'query' }));
        if (response === undefined || response.status >= 400) continue;
        probe.report(`PUT ${target}`, `${response.status}, and not refused`);
        const rev = /"rev":"([^"]+)"/.exec(response.body)?.[1];
        await probe.send({ method: 'DELETE', target: rev === undefined ? target : `${target}?rev=${rev}` });
      }
    },
  },
];
