import { startFront, type Front } from '../../../server/testing/faulty-database-proxy.ts';
import { agreed, onCluster } from '../../../server/testing/test-database.ts';
import type { Erased } from '../../../server/cli/users/erase-user.ts';
import type { UserExport } from '../../../server/cli/users/export-user.ts';
import {
  openUsersStage,
  PASSWORD,
  runUsers,
  usersEnv,
  type RanUsers,
  type UsersStage,
} from '../../../server/testing/run-users-command.ts';

/** A database that stops answering at any moment of a command: what is done is told, and the command can be run again. */

let stage: UsersStage;
let front: Front;
beforeAll(async () => {
  stage = await openUsersStage();
  front = await startFront(stage.gate.upstream);
});
afterAll(async () => {
  await front.close();
  await stage.gate.close();
});

const OTHER = 'another-horse-battery';

/** The command, with a database that fails from its request `from` on. */
async function broken(argv: readonly string[], from: number): Promise<RanUsers & { readonly requests: number }> {
  const { upstream } = stage.gate;
  const before = front.requests.length;
  front.fault = (_request, response) => {
    if (front.requests.length - before <= from) return false;
    response.writeHead(500, { 'content-type': 'application/json' }).end('{"error":"broken","reason":"broken"}');
    return true;
  };
  try {
    const env = usersEnv({ env: () => upstream.env({ ...upstream.access, url: front.access.url }) });
    const ran = await runUsers(env, argv, { typed: OTHER });
    return { ...ran, requests: front.requests.length - before };
  } finally {
    front.fault = undefined;
  }
}
const somebody = async (): Promise<string> => {
  const name = await stage.added();
  expect((await stage.signIn(name)).status).toBe(200);
  await stage.gate.request(name, '/_local/mine', { method: 'PUT', body: { last_seq: 'here' } });
  return name;
};

test('an erasure that breaks off anywhere says how far it came, and is finished by the next', async () => {
  const { requests } = await broken(['erase', await somebody(), '--yes'], Infinity);
  expect(requests).toBeGreaterThan(15);
  let unfinished = 0;
  for (let from = 0; from < requests; from += 1) {
    const name = await somebody();
    const { code, said, complaints } = await broken(['erase', name, '--yes', '--json'], from);
    const shutOut = (await stage.json<UserExport>(['export', name])).state === 'erased';
    // A compaction that could not be begun keeps nobody's data from being erased: it is told among what is left.
    if (code === 0) expect((JSON.parse(said) as Erased).left.join()).toContain('could not be compacted');
    else {
      expect([code, said]).toEqual([1, '']);
      expect(complaints).not.toContain('nobody expected');
      expect(complaints.includes('is shut out for good')).toBe(shutOut);
      if (shutOut) {
        unfinished += 1;
        expect(complaints).toContain('Run it again; it goes on.');
      }
    }
    expect((await stage.json<Erased>(['erase', name, '--yes'])).left).toEqual([]);
    const left = await stage.json<UserExport>(['export', name]);
    expect(left).toMatchObject({ state: 'erased', account: null, sessions: [], stored: [], checkpoints: null });
  }
  expect(unfinished).toBeGreaterThan(5);
}, 120_000);

test('a password that was changed before the database failed is told to be another', async () => {
  const argv = (name: string) => ['reset-password', name, '--password-stdin'];
  const { requests } = await broken(argv(await somebody()), Infinity);
  let halfDone = 0;
  for (let from = 0; from < requests; from += 1) {
    const name = await somebody();
    const { code, complaints, requests: asked } = await broken(argv(name), from);
    // On a cluster a command may need a request more at one time than at another.
    if (asked <= from && onCluster()) continue;
    expect(code).toBe(1);
    const changed = complaints.includes('is another now, but sessions are not ended');
    // Each node of a cluster keeps accounts for a moment, until it hears of another password.
    const takes = async (password: string): Promise<boolean> => (await stage.signIn(name, password)).status === 200;
    await agreed(async () => (await takes(OTHER)) === changed && (await takes(PASSWORD)) !== changed);
    if (changed) halfDone += 1;
  }
  expect(halfDone).toBeGreaterThan(0);
}, 120_000);
