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
  if (username === undefined) throw new Error(`${text} is no username`);
  return username;
};

interface RecordingWaiter extends Waiter {
  readonly states: LeafState[];
  readonly ended: () => number;
}

function createWaiter(name: string, sessionId?: string): RecordingWaiter {
  const username = toUsername(name);
  const states: LeafState[] = [];
  let ended = 0;
  return {
    ownId: userDocumentId(username),
    username,
    sessionId,
    feed: 'longpoll',
    get ending() {
      return ended > 0;
    },
    states,
    ended: () => ended,
    wake: (state) => void states.push(state),
    end: () => void (ended += 1),
  };
}

const stateOf = (id: string): LeafState => ({ leaves: [`1-${id}`], deleted: false });
const rowOf = (id: string) => ({ kind: 'change', seq: '1', id, ...stateOf(id), doc: undefined }) as const;
/** A reader whose answers are the document's id itself, so that a mix-up shows. */
const echoReader: LeafReader = { read: (id) => Promise.resolve(stateOf(id)) };
const names = fc.constantFrom('a', 'b', 'c', 'aa', 'a.b');

it("a row wakes its own document's waiters, each once, and nobody else; who has left is not woken", () => {
  const step = fc.oneof(
    fc.record({ do: fc.constant('park' as const), name: names }),
    fc.record({ do: fc.constant('leave' as const), nth: fc.nat(10) }),
    fc.record({ do: fc.constant('row' as const), name: fc.oneof(names, fc.constantFrom('nobody', '__proto__')) }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const hub = new Hub(echoReader);
      const all: { waiter: RecordingWaiter; here: boolean; due: number }[] = [];
      for (const each of steps) {
        if (each.do === 'park') {
          const waiter = createWaiter(each.name);
          hub.park(waiter);
          all.push({ waiter, here: true, due: 0 });
        } else if (each.do === 'leave') {
          const one = all[each.nth];
          // Also twice: leaving again changes nothing.
          if (one === undefined) continue;
          hub.unpark(one.waiter);
          one.here = false;
        } else {
          hub.onRow(rowOf(`user_${each.name}`));
          for (const one of all) if (one.here && one.waiter.username === each.name) one.due += 1;
        }
        expect(hub.size).toBe(all.filter(({ here }) => here).length);
      }
      for (const { waiter, due } of all) {
        expect(waiter.states.map(({ leaves }) => leaves)).toEqual(Array(due).fill([`1-${waiter.ownId}`]));
      }
    }),
  );
});

it('when the feed is back each document that somebody waits for is read once, and all its waiters are told', async () => {
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
  for (const { states: told, ownId } of waiters) expect(told).toEqual([stateOf(ownId)]);
  hub.onDisconnect();
  expect([hub.connected, hub.size, waiters.every(({ ended }) => ended() === 0)]).toEqual([false, 4, true]);
});

it('a read that fails after the feed is back is made again, as long as somebody waits', async () => {
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

it('a row that comes while the state is read again is the last word: the read began before it', async () => {
  let answer: (state: LeafState) => void = () => undefined;
  const hub = new Hub({ read: () => new Promise((resolve) => (answer = resolve)) });
  const waiter = createWaiter('a');
  hub.park(waiter);
  hub.onConnect();
  // A branch: neither the winner nor the highest generation says which of the two is the newer state.
  const newer = { leaves: ['2-a', '2-0'], deleted: false };
  hub.onRow({ ...rowOf('user_a'), ...newer });
  answer({ leaves: ['2-a'], deleted: false });
  await new Promise((resolve) => setImmediate(resolve));
  expect(waiter.states.at(-1)?.leaves).toEqual(newer.leaves);
});

it("the end of a session ends its own waiters, the end of an account's rights all of that account's", () => {
  const hub = new Hub(echoReader);
  const [one, other, stranger, without] = [
    createWaiter('a', 's1'),
    createWaiter('a', 's2'),
    createWaiter('b', 's3'),
    createWaiter('a'),
  ];
  for (const waiter of [one, other, stranger, without]) hub.park(waiter);
  hub.onRevocation({ kind: 'session', sessionId: 's1' });
  expect([one, other, stranger, without].map(({ ended }) => ended())).toEqual([1, 0, 0, 0]);
  hub.onRevocation({ kind: 'account', username: 'a' });
  expect([one, other, stranger, without].map(({ ended }) => ended())).toEqual([2, 1, 0, 1]);
});

it('a waiter that leaves while it is woken, or parks another one, disturbs nobody', () => {
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

it('a user has a hundred live requests at most, the oldest giving way, whoever else is there', () => {
  const hub = new Hub(echoReader);
  const mine = Array.from({ length: 130 }, () => createWaiter('a'));
  const others = createWaiter('b');
  hub.park(others);
  for (const waiter of mine) hub.park(waiter);
  expect(mine.map(({ ended }) => ended())).toEqual([...Array<number>(30).fill(1), ...Array<number>(100).fill(0)]);
  expect(others.ended()).toBe(0);
  // Those that were ended are still held; when they are gone, and others too, there is room again.
  for (const waiter of mine.slice(0, 31)) hub.unpark(waiter);
  hub.park(createWaiter('a'));
  expect(mine.slice(31).every(({ ended }) => ended() === 0)).toBe(true);
});

describe('what the feed said last', () => {
  const id = userDocumentId(toUsername('a'));

  it('is known of a document that somebody waited for, until the feed is down or nobody waited at its next change', () => {
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

  it('is not what was only read, since a copy that lags behind may have been asked', async () => {
    const hub = new Hub(echoReader);
    const waiter = createWaiter('a');
    hub.park(waiter);
    hub.onConnect();
    await eventually(() => waiter.states.length === 1);
    expect(hub.cachedState(id)).toBeUndefined();
  });

  it('is bounded, and what had no news for longest is forgotten first', () => {
    const heard = new StateCache(2);
    heard.set('a', stateOf('a'));
    heard.set('b', stateOf('b'));
    heard.set('a', stateOf('a'));
    heard.set('c', stateOf('c'));
    expect([heard.get('a'), heard.get('b'), heard.get('c')]).toEqual([stateOf('a'), undefined, stateOf('c')]);
  });
});
