import { startFaultyProxy, type FaultyProxy } from '../../../server/testing/faulty-database-proxy.ts';
import { waitForConsistency, usesCluster } from '../../../server/testing/test-database.ts';
import type { EraseResult } from '../../../server/cli/users/erase-user.ts';
import type { UserExport } from '../../../server/cli/users/export-user.ts';
import {
  createUsersFixture,
  PASSWORD,
  runUsersCommand,
  usersCommandEnv,
  type UsersCommandResult,
  type UsersFixture,
} from '../../../server/testing/run-users-command.ts';

/** A database that fails at any request of a command: the error reports what is done, and the command can be run again. */

let fixture: UsersFixture;
let front: FaultyProxy;
beforeAll(async () => {
  fixture = await createUsersFixture();
  front = await startFaultyProxy(fixture.gate.upstream);
});
afterAll(async () => {
  await front.close();
  await fixture.gate.close();
});

const OTHER_PASSWORD = 'another-horse-battery';

/** Runs the command with a database that fails from its request number `from` on. */
async function runWithFailingDatabase(
  argv: readonly string[],
  from: number,
): Promise<UsersCommandResult & { readonly requests: number }> {
  const { upstream } = fixture.gate;
  const before = front.requests.length;
  front.fault = (_request, response) => {
    if (front.requests.length - before <= from) return false;
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"broken","reason":"broken"}');
    return true;
  };
  try {
    const env = usersCommandEnv({ env: () => upstream.env({ ...upstream.access, url: front.access.url }) });
    const ran = await runUsersCommand(env, argv, { input: OTHER_PASSWORD });
    return { ...ran, requests: front.requests.length - before };
  } finally {
    front.fault = undefined;
  }
}
const addSignedInUser = async (): Promise<string> => {
  const name = await fixture.addUser();
  expect((await fixture.signIn(name)).status).toBe(200);
  await fixture.gate.request(name, '/_local/mine', { method: 'PUT', body: { last_seq: 'here' } });
  return name;
};

test('an erasure that fails at any request reports its progress, and the next run completes it', async () => {
  const { requests } = await runWithFailingDatabase(['erase', await addSignedInUser(), '--yes'], Infinity);
  expect(requests).toBeGreaterThan(15);
  let unfinished = 0;
  for (let from = 0; from < requests; from += 1) {
    const name = await addSignedInUser();
    const { code, stdout, stderr } = await runWithFailingDatabase(['erase', name, '--yes', '--json'], from);
    const lockedOut = (await fixture.runJson<UserExport>(['export', name])).state === 'erased';
    // A compaction that could not be started does not fail the erasure: it is reported in `left`.
    if (code === 0) expect((JSON.parse(stdout) as EraseResult).left.join()).toContain('could not be compacted');
    else {
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).not.toContain('unexpected error');
      expect(stderr.includes('is locked out permanently')).toBe(lockedOut);
      if (lockedOut) {
        unfinished += 1;
        expect(stderr).toContain('Run it again to continue.');
      }
    }
    expect((await fixture.runJson<EraseResult>(['erase', name, '--yes'])).left).toEqual([]);
    const left = await fixture.runJson<UserExport>(['export', name]);
    expect(left).toMatchObject({ state: 'erased', account: null, sessions: [], stored: [], checkpoints: null });
  }
  expect(unfinished).toBeGreaterThan(5);
});

test('reset-password reports a password that was changed before the database failed', async () => {
  const argv = (name: string) => ['reset-password', name, '--password-stdin'];
  const { requests } = await runWithFailingDatabase(argv(await addSignedInUser()), Infinity);
  let halfDone = 0;
  for (let from = 0; from < requests; from += 1) {
    const name = await addSignedInUser();
    const { code, stderr, requests: sent } = await runWithFailingDatabase(argv(name), from);
    // On a cluster the number of requests varies by one.
    if (sent <= from && usesCluster()) continue;
    expect(code).toBe(1);
    const changed = stderr.includes('is changed, but the sessions are not ended');
    // Each node of a cluster caches accounts for a moment.
    const accepts = async (password: string): Promise<boolean> => (await fixture.signIn(name, password)).status === 200;
    await waitForConsistency(
      async () => (await accepts(OTHER_PASSWORD)) === changed && (await accepts(PASSWORD)) !== changed,
    );
    if (changed) halfDone += 1;
  }
  expect(halfDone).toBeGreaterThan(0);
});
