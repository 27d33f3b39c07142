import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import type { Revocation } from '../../http/caller.ts';
import { ActiveCallers } from './active-callers.ts';

const caller = (name: string, sessionId: string | undefined, expiresAt = 100) => {
  const username = parseUsername(name);
  if (username === undefined) throw new Error(`${name} is not a username`);
  return { username, sessionId, expiresAt };
};

/** Active callers on a clock that the test sets, and the revocations of those that were evicted. */
function createFixture(maxCallers = 10) {
  const clock = { now: 0 };
  const evicted: Revocation[] = [];
  const callers = new ActiveCallers({
    maxCallers,
    now: () => clock.now,
    onEvicted: (revocation) => evicted.push(revocation),
  });
  return { clock, evicted, callers };
}

test('a caller stays active until the last of its tokens expires', () => {
  const { clock, callers } = createFixture();
  callers.add(caller('alice', 's', 50));
  callers.add(caller('alice', 's', 40));
  callers.add(caller('bob', undefined, 30));
  clock.now = 49;
  expect(callers.all()).toEqual([caller('alice', 's', 50)]);
  clock.now = 50;
  expect(callers.all()).toEqual([]);
});

test('an account without sessions and a session id equal to its name are distinct', () => {
  const { callers } = createFixture();
  callers.add(caller('alice', undefined));
  callers.add(caller('bob', 'alice'));
  callers.remove({ kind: 'session', sessionId: 'alice' });
  expect(callers.all()).toEqual([caller('alice', undefined)]);
});

test('removing an account removes all of its sessions and tokens, and no others', () => {
  const { callers } = createFixture();
  for (const each of [caller('alice', 'a'), caller('alice', undefined), caller('bob', 'b')]) callers.add(each);
  callers.remove({ kind: 'account', username: caller('alice', 'a').username });
  expect(callers.all()).toEqual([caller('bob', 'b')]);
});

test('beyond the limit the least recently added caller is evicted and revoked', () => {
  const { evicted, callers } = createFixture(2);
  callers.add(caller('alice', 'a'));
  callers.add(caller('bob', undefined));
  callers.add(caller('alice', 'a'));
  callers.add(caller('carol', 'c'));
  expect(evicted).toEqual([{ kind: 'account', username: 'bob' }]);
  expect(callers.all().map(({ username }) => username)).toEqual(['alice', 'carol']);
});

test('an eviction listener may remove the evicted caller', () => {
  const callers: ActiveCallers = new ActiveCallers({
    maxCallers: 2,
    now: () => 0,
    onEvicted: (revocation) => callers.remove(revocation),
  });
  callers.add(caller('alice', undefined));
  callers.add(caller('alice', 'a'));
  callers.add(caller('bob', 'b'));
  callers.add(caller('carol', 'c'));
  expect(callers.all().map(({ username }) => username)).toEqual(['bob', 'carol']);
});

test('expired callers are removed before an active one is evicted', () => {
  const { clock, evicted, callers } = createFixture(2);
  callers.add(caller('alice', 'a', 10));
  callers.add(caller('bob', 'b', 100));
  clock.now = 20;
  callers.add(caller('carol', 'c', 100));
  expect(evicted).toEqual([]);
  expect(callers.all()).toHaveLength(2);
});
