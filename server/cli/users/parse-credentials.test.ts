import fc from 'fast-check';
import { parseCredentials } from './parse-credentials.ts';

test.each([
  ['alice,correct horse', 'alice', 'correct horse'],
  ['alice,"a ""b"", c."', 'alice', 'a "b", c.'],
  ['"alice",correct"horse', 'alice', 'correct"horse'],
  ['{"username":"alice","password":"p,\\"ssword"}', 'alice', 'p,"ssword'],
])('reads %s', (line, username, password) => {
  expect(parseCredentials(line)).toEqual({ username, password });
});

test('the header of a CSV file is no account', () => {
  for (const line of ['username,password', '"Username","Password"', ' username , password '])
    expect(parseCredentials(line)).toBeUndefined();
});

test.each([
  ['alice', 'neither CSV'],
  ['alice,hunter2-hunter2,x', 'neither CSV'],
  ['alice,"hunter2-hunter2', 'neither CSV'],
  ['{"username":"alice"}', 'neither CSV'],
  ['{"username":"alice","password":', 'neither CSV'],
  ['Alice,hunter2-hunter2', 'The name is not'],
  ['alice,hunter2', 'at least 8 characters'],
])('refuses %s, and repeats no password', (line, excerpt) => {
  const parsed = parseCredentials(line);
  expect(parsed).toMatchObject({ reason: expect.stringContaining(excerpt) as string });
  expect(JSON.stringify(parsed)).not.toContain('hunter2');
});

test('any password can be written in quotes', () => {
  fc.assert(
    fc.property(
      fc.string({ minLength: 8, maxLength: 60 }).filter((text) => !/[\r\n]/.test(text)),
      (password) => {
        const parsed = parseCredentials(`alice,"${password.replaceAll('"', '""')}"`);
        expect(parsed).toEqual({ username: 'alice', password });
      },
    ),
  );
});
