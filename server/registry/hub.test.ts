import fc from 'fast-check';
import { parseUsername, userDocumentId, type Username } from '../../couchdb-design/user-document/user-document.ts';
import { serviceUnavailable } from '../http/errors.ts';
import { StateCache } from './state-cache.ts';
import { Hub, type Waiter } from './hub.ts';
import type { LeafState } from './leaf-state.ts';
import type { LeafReader } from './leaf-reader.ts';
import { eventually } from '../testing/fake-couchdb.ts';

const toUsername = (text: string): Username => {
  const username = parseUsername(text);
  if (username === undefined) throw new Error(`${text} is not a username`);
  return username;
};

interface RecordingWaiter extends Waiter {
  readonly states: LeafState[];
  readonly endCount: () => number;
}

function createWaiter(name: string, sessionId?: string): RecordingWaiter {
  const username = toUsername(name);
  const states: LeafState[] = [];
  let endCount = 0;
  return {
    ownId: userDocumentId(username),
    username,
    sessionId,
    feed: 'longpoll',
    get ending() {
      return endCount > 0;
    },
    states,
    endCount: () => endCount,
    wake: (state) => void states.push(state),
    end: () => void (endCount += 1),
  };
}

const stateOf = (id: string): LeafState => ({ leaves: [`1-${id}`], deleted: false });
const rowOf = (id: string) => ({ kind: 'change', seq: '1', id, ...stateOf(id), doc: undefined }) as const;
/** Reads states with the document's id in the revision, so that a mix-up is detected. */
const echoReader: LeafReader = { read: (id) => Promise.resolve(stateOf(id)) };
const names = fc.constantFrom('a', 'b', 'c', 'aa', 'a.b');

it('a row wakes each parked waiter of its document once, and no other waiter', () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('park' as const), name: names }),
    fc.record({ do: fc.constant('leave' as const), nth: fc.nat(10) }),
    fc.record({ do: fc.constant('row' as const), name: fc.oneof(names, fc.constantFrom('nobody', '__proto__')) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const hub = new Hub(echoReader);
      const all: { waiter: RecordingWaiter; isParked: boolean; expectedWakes: number }[] = [];
      for (const each of steps) {
        if (each.do === 'park') {
          const waiter = createWaiter(each.name);
          hub.park(waiter);
          all.push({ waiter, isParked: true, expectedWakes: 0 });
        } else if (each.do === 'leave') {
          const one = all[each.nth];
          // Also twice: a second call has no effect.
          if (one === undefined) continue;
          hub.unpark(one.waiter);
          one.isParked = false;
        } else {
          hub.onRow(rowOf(`user_${each.name}`));
          for (const one of all) if (one.isParked && one.waiter.username === each.name) one.expectedWakes += 1;
        }
        expect(hub.size).toBe(all.filter(({ isParked }) => isParked).length);
      }
      for (const { waiter, expectedWakes } of all) {
        expect(waiter.states.map(({ leaves }) => leaves)).toEqual(Array(expectedWakes).fill([`1-${waiter.ownId}`]));
      }
    }),
  );
});

it('on reconnect, each document with waiters is read once and all its waiters are woken', async () => {
  const reads: string[] = [];
  const hub = new Hub({
    read: (id) => {
      reads.push(id);
      return Promise.resolve(stateOf(id));
    },
  });
  const waiters = ['a', 'a', 'b', 'c'].map((name) => createWaiter(name));
  for (const waiter of waiters) hub.park(waiter);
  expect(hub.connected).toBe(false);
  hub.onConnect();
  expect(hub.connected).toBe(true);
  await eventually(() => waiters.every(({ states }) => states.length === 1));
  expect(reads).toEqual(['user_a', 'user_b', 'user_c']);
  for (const { states, ownId } of waiters) expect(states).toEqual([stateOf(ownId)]);
  hub.onDisconnect();
  expect([hub.connected, hub.size, waiters.every(({ endCount }) => endCount() === 0)]).toEqual([false, 4, true]);
});

it('a read that fails after a reconnect is retried while the document has waiters', async () => {
  let failures = 0;
  const hub = new Hub({
    read: (id) => {
      if (failures >= 1) return Promise.resolve(stateOf(id));
      failures += 1;
      return Promise.reject(serviceUnavailable('The database does not answer.'));
    },
  });
  const waiter = createWaiter('a');
  hub.park(waiter);
  hub.onConnect();
  await eventually(() => waiter.states.length === 1);
  expect(failures).toBe(1);
});

it('a row that arrives during a read wins over the read, which started earlier', async () => {
  let resolveRead: (state: LeafState) => void = () => undefined;
  const hub = new Hub({ read: () => new Promise((resolve) => (resolveRead = resolve)) });
  const waiter = createWaiter('a');
  hub.park(waiter);
  hub.onConnect();
  // A new branch: neither the winner nor the highest generation shows which state is newer.
  const newer = { leaves: ['2-a', '2-0'], deleted: false };
  hub.onRow({ ...rowOf('user_a'), ...newer });
  resolveRead({ leaves: ['2-a'], deleted: false });
  await new Promise((resolve) => setImmediate(resolve));
  expect(waiter.states.at(-1)?.leaves).toEqual(newer.leaves);
});

it("an ended session ends its own waiters, a suspended account all of the account's", () => {
  const hub = new Hub(echoReader);
  const [one, other, stranger, without] = [
    createWaiter('a', 's1'),
    createWaiter('a', 's2'),
    createWaiter('b', 's3'),
    createWaiter('a'),
  ];
  for (const waiter of [one, other, stranger, without]) hub.park(waiter);
  hub.onRevocation({ kind: 'session', sessionId: 's1' });
  expect([one, other, stranger, without].map(({ endCount }) => endCount())).toEqual([1, 0, 0, 0]);
  hub.onRevocation({ kind: 'account', username: toUsername('a') });
  expect([one, other, stranger, without].map(({ endCount }) => endCount())).toEqual([2, 1, 0, 1]);
});

it('a waiter may unpark itself and park another one while it is woken', () => {
  const hub = new Hub(echoReader);
  const last = createWaiter('a');
  const first: Waiter = {
    ...createWaiter('a'),
    wake: () => {
      hub.unpark(first);
      hub.park(createWaiter('a'));
    },
  };
  hub.park(first);
  hub.park(last);
  hub.onRow(rowOf('user_a'));
  expect([last.states.length, hub.size]).toEqual([1, 2]);
});

it('a user has at most 100 live requests: further ones end the oldest, and other users are unaffected', () => {
  const hub = new Hub(echoReader);
  const mine = Array.from({ length: 130 }, () => createWaiter('a'));
  const others = createWaiter('b');
  hub.park(others);
  for (const waiter of mine) hub.park(waiter);
  expect(mine.map(({ endCount }) => endCount())).toEqual([...Array<number>(30).fill(1), ...Array<number>(100).fill(0)]);
  expect(others.endCount()).toBe(0);
  // Ended waiters are still held. After they and one more are unparked, another one fits.
  for (const waiter of mine.slice(0, 31)) hub.unpark(waiter);
  hub.park(createWaiter('a'));
  expect(mine.slice(31).every(({ endCount }) => endCount() === 0)).toBe(true);
});

describe('the cached state of the feed', () => {
  const id = userDocumentId(toUsername('a'));

  it('exists for a document with waiters, until the feed disconnects or a change finds no waiter', () => {
    const hub = new Hub(echoReader);
    hub.onConnect();
    const waiter = createWaiter('a');
    hub.onRow(rowOf('user_a'));
    expect(hub.cachedState(id)).toBeUndefined();
    hub.park(waiter);
    hub.onRow(rowOf('user_a'));
    expect(hub.cachedState(id)).toEqual(stateOf('user_a'));
    hub.unpark(waiter);
    expect(hub.cachedState(id)).toEqual(stateOf('user_a'));
    hub.onRow({ ...rowOf('user_a'), leaves: ['2-x'] });
    expect(hub.cachedState(id)).toBeUndefined();
    hub.park(waiter);
    hub.onRow(rowOf('user_a'));
    hub.onDisconnect();
    expect(hub.cachedState(id)).toBeUndefined();
  });

  it('does not include states from reads, because a read may come from a lagging replica', async () => {
    const hub = new Hub(echoReader);
    const waiter = createWaiter('a');
    hub.park(waiter);
    hub.onConnect();
    await eventually(() => waiter.states.length === 1);
    expect(hub.cachedState(id)).toBeUndefined();
  });

  it('is bounded, and the state updated longest ago is evicted first', () => {
    const cache = new StateCache(2);
    cache.set('a', stateOf('a'));
    cache.set('b', stateOf('b'));
    cache.set('a', stateOf('a'));
    // Reading a state does not postpone its eviction.
    expect(cache.get('b')).toEqual(stateOf('b'));
    cache.set('c', stateOf('c'));
    expect([cache.get('a'), cache.get('b'), cache.get('c')]).toEqual([stateOf('a'), undefined, stateOf('c')]);
  });
});
