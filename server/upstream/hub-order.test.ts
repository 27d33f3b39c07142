import { parseUsername, userDocumentId } from '../../couchdb-design/user-document.ts';
import { Hub } from './hub.ts';
import type { LeafState } from './leaf-state.ts';

it('a row that comes while the state is read again is the last word: the read began before it', async () => {
  const username = parseUsername('a');
  if (username === undefined) throw new Error('that is a username');
  const ownId = userDocumentId(username);
  const older = { leaves: ['2-a'], deleted: false };
  // A branch: neither the winner nor the highest generation says which of the two is the newer state.
  const newer = { leaves: ['2-a', '2-0'], deleted: false };
  let answer: (state: LeafState) => void = () => undefined;
  const hub = new Hub({ read: () => new Promise((resolve) => (answer = resolve)) });
  const told: (readonly string[])[] = [];
  hub.park({
    ownId,
    username,
    sessionId: undefined,
    feed: 'continuous',
    ending: false,
    wake: ({ leaves }) => void told.push(leaves),
    end: () => undefined,
  });
  hub.onUp();
  hub.onRow({ kind: 'change', seq: '1', id: ownId, ...newer, doc: undefined });
  answer(older);
  await new Promise((resolve) => setImmediate(resolve));
  expect(told.at(-1)).toEqual(newer.leaves);
});
