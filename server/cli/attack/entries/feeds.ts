import { setTimeout as sleep } from 'node:timers/promises';
import { withJson, type AttackEntry } from '../entry.ts';
import { lastSeq } from './changes.ts';

/** How long a live response is read after the other user's edit, in ms. */
const READ_MS = 600;
/** How long requests take to be parked, in ms. */
const PARK_MS = 200;

const FEEDS = ['longpoll', 'continuous', 'eventsource', 'live'] as const;

/** Live responses while the other user edits. */
export const FEEDS_AND_ACTIVITY: readonly AttackEntry[] = [
  {
    group: 'feeds',
    request: 'each live feed and the event stream, while user B edits',
    expectation: 'nothing of the edit',
    async run(probe, { path, target, names, victim }) {
      const doc_ids = [names.own.id, names.other.id];
      const ids = encodeURIComponent(JSON.stringify(doc_ids));
      const requests = FEEDS.flatMap((feed) => [
        withJson('POST', `${path}/_changes?feed=${feed}&since=now&heartbeat=1000&filter=_doc_ids&include_docs=true`, {
          doc_ids,
        }),
        { method: 'GET', target: `${path}/_changes?feed=${feed}&since=now&heartbeat=1000&doc_ids=${ids}` },
      ]);
      const stream = { method: 'GET', target: `${target.api}/users/preferences/stream` };
      const closeAfterMs = PARK_MS + READ_MS;
      // In two groups, because a user's live requests are limited.
      for (const batch of [requests.slice(0, 4), [...requests.slice(4), stream]]) {
        const responses = batch.map((request) => probe.send({ ...request, closeAfterMs }));
        const edited = sleep(PARK_MS).then(() => victim.edit());
        await Promise.all([...responses, edited]);
      }
    },
  },
  {
    group: 'activity',
    request: '_changes and the database, before and after an edit of B',
    expectation: 'the same response',
    async run(probe, { path, victim }) {
      const read = async (): Promise<readonly (string | undefined)[]> => {
        const bodies = [];
        for (const target of [`${path}/`, `${path}/_changes`, `${path}/_changes?limit=1&descending=true`])
          bodies.push((await probe.send({ method: 'GET', target }))?.body);
        return bodies;
      };
      const before = await read();
      if ((await victim.edit()) !== 'written') {
        probe.note('not sent: user B cannot write');
        return;
      }
      const after = await read();
      const changed = before.findIndex((body, index) => body !== after[index]);
      if (changed >= 0) probe.report('GET _changes', 'the response shows that user B has edited');
    },
  },
  {
    group: 'activity',
    request: '_changes of both users',
    expectation: 'positions of their own, not one of the database',
    async run(probe, { path, victim }) {
      const target = `${path}/_changes?filter=_doc_ids`;
      const own = lastSeq(await probe.send({ method: 'GET', target }));
      const others = lastSeq(await victim.send({ method: 'GET', target }));
      if (own === others && own !== '0') probe.report(`GET ${target}`, 'last_seq is the same for both users');
    },
  },
];
