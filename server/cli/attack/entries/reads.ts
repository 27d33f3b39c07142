import { encodeAll, foreignIds } from '../generate/attack-cases.ts';
import { withJson, type AttackEntry } from '../entry.ts';

const QUERIES = (revision: string): readonly string[] => [
  '',
  `?rev=${revision}`,
  `?rev=${revision}&revs=true`,
  '?revs=true&latest=true',
  '?open_revs=all',
  `?open_revs=${encodeURIComponent(JSON.stringify([revision]))}&latest=true&revs=true`,
  '?conflicts=true&deleted_conflicts=true',
  '?revs_info=true',
  '?meta=true',
  '?attachments=true',
  '?local_seq=true',
];

const SAME_AS_MISSING = 'the same response as for a document that does not exist';

/** Reads of the other user's document. */
export const READS: readonly AttackEntry[] = [
  {
    group: 'reads',
    request: 'GET and HEAD <B>, with every option and a known revision',
    expectation: SAME_AS_MISSING,
    async run(probe, { path, victim }) {
      const revision = victim.revisions.at(-1) ?? '1-0';
      for (const query of QUERIES(revision)) {
        for (const method of ['GET', 'HEAD'])
          await probe.compareWithMissing((id) => ({ method, target: `${path}/${encodeURIComponent(id)}${query}` }));
      }
    },
  },
  {
    group: 'reads',
    request: 'GET <B> as multipart',
    expectation: SAME_AS_MISSING,
    run: (probe, { path }) =>
      probe.compareWithMissing((id) => ({
        method: 'GET',
        target: `${path}/${encodeURIComponent(id)}?open_revs=all&revs=true`,
        headers: { Accept: 'multipart/mixed' },
      })),
  },
  {
    group: 'reads',
    request: 'GET <B> with If-None-Match and If-Match of its revision',
    expectation: SAME_AS_MISSING,
    async run(probe, { path, victim }) {
      const revision = victim.revisions.at(-1) ?? '1-0';
      for (const headers of [
        { 'If-None-Match': `"${revision}"` },
        { 'If-None-Match': '*' },
        { 'If-Match': `"${revision}"` },
        { 'If-Modified-Since': new Date().toUTCString() },
      ])
        await probe.compareWithMissing((id) => ({
          method: 'GET',
          target: `${path}/${encodeURIComponent(id)}`,
          headers,
        }));
    },
  },
  {
    group: 'reads',
    request: 'GET <B> in spellings that decode to it once or twice',
    expectation: 'nothing of the document of user B',
    async run(probe, { path, names }) {
      const { id } = names.other;
      const spellings = [encodeAll(id), encodeAll(encodeAll(id)), encodeURIComponent(encodeAll(id)), id.toUpperCase()];
      const ids = foreignIds(names).map((text) => encodeURIComponent(text.replace('\ud800', '')));
      for (const spelling of [...spellings, ...ids]) {
        for (const suffix of ['', '/', '?open_revs=all'])
          await probe.send({ method: 'GET', target: `${path}/${spelling}${suffix}` });
      }
    },
  },
  {
    group: 'reads',
    request: 'attachments and sub-paths of <B>',
    expectation: SAME_AS_MISSING,
    async run(probe, { path }) {
      for (const suffix of ['/attachment', '/_attachments', '/a/b', '/..%2f', '/_revs_info'])
        await probe.compareWithMissing((id) => ({
          method: 'GET',
          target: `${path}/${encodeURIComponent(id)}${suffix}`,
        }));
    },
  },
  {
    group: 'reads',
    request: '_bulk_get of <B>, alone and between own rows',
    expectation: SAME_AS_MISSING,
    async run(probe, { path, names, victim }) {
      const own = { id: names.own.id };
      const rev = victim.revisions.at(-1);
      for (const query of ['', '?revs=true&latest=true', '?revs=true&attachments=true']) {
        const target = `${path}/_bulk_get${query}`;
        for (const headers of [{}, { Accept: 'multipart/mixed' }]) {
          await probe.compareWithMissing((id) => withJson('POST', target, { docs: [{ id }] }, headers));
          await probe.compareWithMissing((id) =>
            withJson('POST', target, { docs: [own, { id, rev }, { id }, own] }, headers),
          );
        }
      }
    },
  },
  {
    group: 'reads',
    request: '_bulk_get of ids like <B>, and of two ids in one row',
    expectation: 'nothing of the document of user B',
    async run(probe, { path, names }) {
      const { own, other } = names;
      const target = `${path}/_bulk_get`;
      await probe.send(withJson('POST', target, { docs: foreignIds(names).map((id) => ({ id })) }));
      for (const row of [
        `{"id":${JSON.stringify(own.id)},"id":${JSON.stringify(other.id)}}`,
        `{"id":${JSON.stringify(other.id)},"id":${JSON.stringify(own.id)}}`,
        `{"id":${JSON.stringify(own.id)},"_id":${JSON.stringify(other.id)}}`,
      ])
        await probe.send({ ...withJson('POST', target, {}), body: `{"docs":[${row}]}` });
    },
  },
  {
    group: 'reads',
    request: '_revs_diff and _missing_revs with revisions of <B>',
    expectation: SAME_AS_MISSING,
    async run(probe, { path, names, victim, attacker }) {
      const revisions = victim.revisions;
      for (const endpoint of ['_revs_diff', '_missing_revs']) {
        await probe.compareWithMissing((id) => withJson('POST', `${path}/${endpoint}`, { [id]: revisions }));
        await probe.compareWithMissing((id) =>
          withJson('POST', `${path}/${endpoint}`, { [names.own.id]: attacker.revisions, [id]: revisions }),
        );
      }
    },
  },
  {
    group: 'reads',
    request: '_find, _explain, _all_docs with keys, and _changes by a view',
    expectation: SAME_AS_MISSING,
    async run(probe, { path }) {
      await probe.compareWithMissing((id) => withJson('POST', `${path}/_find`, { selector: { _id: id } }));
      await probe.compareWithMissing((id) => withJson('POST', `${path}/_explain`, { selector: { _id: id } }));
      await probe.compareWithMissing((id) => withJson('POST', `${path}/_all_docs?include_docs=true`, { keys: [id] }));
      await probe.compareWithMissing((id) => ({
        method: 'GET',
        target: `${path}/_all_docs?include_docs=true&key=${encodeURIComponent(JSON.stringify(id))}`,
      }));
      await probe.compareWithMissing((id) =>
        withJson('POST', `${path}/_changes?filter=_selector&include_docs=true`, { selector: { _id: id } }),
      );
    },
  },
];
