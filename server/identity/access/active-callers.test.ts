import { parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import type { Revocation } from '../../http/caller.ts';
import { createActiveCallers } from './active-callers.ts';

const caller = (name: string, sessionId: string | undefined, expiresAt = 100) => {
  const username = parseUsername(name);
  if (username === undefined) throw new Error('that is a username');
  return { username, sessionId, expiresAt };
};

test('a right is watched until its last token is over', () => {
  let now = 0;
  const watched = createActiveCallers(
    10,
    () => now,
    () => undefined,
  );
  watched.add(caller('alice', 's', 50));
  watched.add(caller('alice', 's', 40));
  watched.add(caller('bob', undefined, 30));
  now = 49;
  expect(watched.all()).toEqual([caller('alice', 's', 50)]);
  now = 50;
  expect(watched.all()).toEqual([]);
});

test('an account without sessions and a session of the same letters are two', () => {
  const watched = createActiveCallers(
    10,
    () => 0,
    () => undefined,
  );
  watched.add(caller('alice', undefined));
  watched.add(caller('bob', 'alice'));
  watched.remove({ kind: 'session', sessionId: 'alice' });
  expect(watched.all()).toEqual([caller('alice', undefined)]);
});

test('what ends with an account is all of its rights and no other', () => {
  const watched = createActiveCallers(
    10,
    () => 0,
    () => undefined,
  );
  for (const each of [caller('alice', 'a'), caller('alice', undefined), caller('bob', 'b')]) watched.add(each);
  watched.remove({ kind: 'account', username: 'alice' });
  expect(watched.all()).toEqual([caller('bob', 'b')]);
});

test('no right is dropped silently: beyond the limit the longest unused one ends', () => {
  const ended: Revocation[] = [];
  const watched = createActiveCallers(
    2,
    () => 0,
    (each) => ended.push(each),
  );
  watched.add(caller('alice', 'a'));
  watched.add(caller('bob', undefined));
  watched.add(caller('alice', 'a'));
  watched.add(caller('carol', 'c'));
  expect(ended).toEqual([{ kind: 'account', username: 'bob' }]);
  expect(watched.all().map(({ username }) => username)).toEqual(['alice', 'carol']);
});

test('what is over makes room first', () => {
  let now = 0;
  const ended: Revocation[] = [];
  const watched = createActiveCallers(
    2,
    () => now,
    (each) => ended.push(each),
  );
  watched.add(caller('alice', 'a', 10));
  watched.add(caller('bob', 'b', 100));
  now = 20;
  watched.add(caller('carol', 'c', 100));
  expect(ended).toEqual([]);
  expect(watched.all()).toHaveLength(2);
});
