import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultMapping, loadMapping } from './mapping.ts';

test('the default mapping takes names, preferences, times and credentials, and nothing else', () => {
  const preferences = { theme: 'dark' };
  const document = {
    _id: 'user_alice',
    preferences,
    updated_at: '2026-01-01',
    apiToken: 's3cret',
    password_hash: '$2b$x',
  };
  expect(defaultMapping(document)).toEqual({
    username: 'alice',
    preferences,
    createdAt: undefined,
    updatedAt: '2026-01-01',
    password: undefined,
    account: '$2b$x',
  });
  expect(defaultMapping({ _id: '4711', username: 'bob', preferences })).toMatchObject({ username: 'bob' });
  expect(defaultMapping({ _id: 'org.couchdb.user:cy', name: 'cy', derived_key: 'ab', salt: 'x' })).toMatchObject({
    username: 'cy',
    preferences: {},
    account: { derived_key: 'ab', salt: 'x' },
  });
});

test.each([
  { _id: 'settings', theme: 'dark' },
  { username: 'eve', amount: 12 },
  {},
  { _id: 'todo_1', username: 'eve' },
])('the default mapping makes no user of %j', (document) => {
  expect(defaultMapping(document)).toBeUndefined();
});

test('a mapping module exports a function, or the error names the file', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'mapping-'));
  const write = (name: string, text: string): string => {
    writeFileSync(join(folder, name), text);
    return join(folder, name);
  };
  try {
    const mapping = await loadMapping(write('map.js', 'export default () => ({ username: "ada" });'));
    expect(mapping({})).toEqual({ username: 'ada' });
    await expect(loadMapping(write('none.js', 'export default 1;'))).rejects.toThrow('no function');
    await expect(loadMapping(join(folder, 'missing.js'))).rejects.toThrow('cannot be imported');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
