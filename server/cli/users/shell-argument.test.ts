import { execFileSync } from 'node:child_process';
import { parseFormattedSubject } from '../../../couchdb-design/user-document/user-document.ts';
import { usernameOf } from '../../../couchdb-design/testing/arbitraries.ts';
import { shellArgument } from './shell-argument.ts';

test.each([
  ['alice', 'alice'],
  ['auth0|5f7c', "'auth0|5f7c'"],
  ["o'brien $(id)", "'o'\\''brien $(id)'"],
  ['-rf', '-- -rf'],
  ['a\u0007', "'a\\u{7}'"],
])('%j is %s', (subject, argument) => {
  expect(shellArgument(subject)).toBe(argument);
  const printed = execFileSync('sh', ['-c', `printf '%s\\0' ${argument}`], { encoding: 'utf8' });
  expect(parseFormattedSubject(printed.split('\0').at(-2) ?? '')).toBe(usernameOf(subject));
});
