import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { userDocumentId } from '../../../couchdb-design/user-document/user-document.ts';
import type { AddManyResult } from '../../../server/cli/users/add-many.ts';
import { createUsersFixture, PASSWORD, type UsersFixture } from '../../../server/testing/run-users-command.ts';

/** Many accounts from a file of names and passwords. */

let fixture: UsersFixture;
const folder = mkdtempSync(join(tmpdir(), 'add-many-'));
beforeAll(async () => {
  fixture = await createUsersFixture();
});
afterAll(async () => {
  await fixture.gate.close();
  rmSync(folder, { recursive: true });
});

test('each line of a file becomes an account with a document, or is reported with the reason', async () => {
  const [anna, bela, cora, taken] = [fixture.newName(), fixture.newName(), fixture.newName(), await fixture.addUser()];
  const file = join(folder, 'accounts.csv');
  writeFileSync(
    file,
    `username,password\n${anna},first-password\n${bela},"with, comma"\nNobody!,some-password\n${cora},short\n${taken},another-password\n${anna},second-password\n{"username":"${cora}","password":"json-password"}`,
  );
  const { code, stdout, stderr } = await fixture.run(['add', '--from', file]);
  expect([code, stdout]).toEqual([1, '3 accounts are added, 2 were there already, 2 are refused.']);
  expect(stderr.split('\n')).toEqual([
    `line 2: ${anna} is added.`,
    `line 3: ${bela} is added.`,
    expect.stringMatching(/^line 4: Nobody! is refused\. The name is not/),
    expect.stringMatching(/^line 5: .* is refused\. A password has at least 8 characters/),
    `line 6: ${taken} has an account already, which is unchanged.`,
    `line 7: ${anna} has an account already, which is unchanged.`,
    `line 8: ${cora} is added.`,
  ]);
  expect(stderr).not.toMatch(/-password|comma|short/);
  for (const [name, password] of [
    [anna, 'first-password'],
    [bela, 'with, comma'],
    [cora, 'json-password'],
    [taken, PASSWORD],
  ] as const) {
    expect((await fixture.signIn(name, password)).status).toBe(200);
    expect(await fixture.gate.registry().get(userDocumentId(name))).toMatchObject({ username: name });
  }
  expect((await fixture.signIn(anna, 'second-password')).status).toBe(401);
});

test('a second run adds nothing, and names that were used before stay taken', async () => {
  const [kept, erased, foreign] = [await fixture.addUser(), await fixture.addUser(), fixture.newName()];
  await fixture.run(['erase', erased, '--yes']);
  await fixture.gate.request(foreign, '/_changes');
  const input = [kept, erased, foreign].map((name) => `${name},some-password`).join('\r\n');
  const run = async () =>
    JSON.parse((await fixture.run(['add', '--from', '-', '--json'], { input })).stdout) as AddManyResult;
  const first = await run();
  expect(first.lines).toMatchObject([
    { line: 1, status: 'exists' },
    { line: 2, status: 'refused', reason: expect.stringContaining('was erased') as string },
    { line: 3, status: 'refused', reason: expect.stringContaining('has a document, but no account') as string },
  ]);
  expect(await run()).toEqual(first);
  expect((await fixture.signIn(kept, 'some-password')).status).toBe(401);
});

test('a registration in progress keeps its name', async () => {
  const name = fixture.newName();
  const results = await Promise.all([
    fixture.run(['add', '--from', '-', '--json'], { input: `${name},first-password` }),
    fixture.run(['add', '--from', '-', '--json'], { input: `${name},second-password` }),
  ]);
  const added = results.filter(({ stdout }) => (JSON.parse(stdout) as AddManyResult).added === 1);
  expect(added).toHaveLength(1);
});

test('reports a missing file, an invalid command line and an identity provider', async () => {
  await fixture.expectFailure(['add', '--from', join(folder, 'missing.csv')], 'The file cannot be read');
  for (const argv of [
    ['add', 'alice', '--from', 'x'],
    ['add', '--from', 'x', '--password-stdin'],
    ['list', '--from', 'x'],
    ['repair', 'alice', '--all'],
    ['list', '--dry-run'],
  ])
    expect((await fixture.run(argv)).code).toBe(2);
});
