import { randomBytes } from 'node:crypto';
import jwt from 'jsonwebtoken';
import { newUserDocument, parseUsername } from '../../../couchdb-design/user-document/user-document.ts';
import { findingsOf, runAttackCommand } from '../../../server/cli/attack/testing/run-attack-command.ts';
import { connect } from '../../../server/upstream/client.ts';
import { newTestNames, startTestUpstream, type TestUpstream } from '../../../server/testing/test-database.ts';
import { startBareProxy, startPlainProxy, type Front } from '../../bench/servers/fronts.ts';

/** `pouchgate attack` against the proxies of the benchmark, which are as a competent developer writes them in an afternoon. */

const SECRET = randomBytes(32).toString('base64url');
const tokenOf = (sub: string): string => jwt.sign({ sub, exp: Math.floor(Date.now() / 1_000) + 3_600 }, SECRET);
const env = { ATTACK_TOKEN_A: tokenOf('alice'), ATTACK_TOKEN_B: tokenOf('bob') };

const names = newTestNames();
let upstream: TestUpstream;
const fronts: Front[] = [];
beforeAll(async () => {
  upstream = await startTestUpstream(names);
  const couch = connect(upstream.access);
  await couch.db.create(names.registry);
  for (const name of ['alice', 'bob']) {
    const username = parseUsername(name);
    if (username !== undefined) await couch.use<object>(names.registry).insert(newUserDocument(username, new Date(0)));
  }
});
afterAll(async () => {
  await Promise.all(fronts.map(({ child }) => child.stop()));
  await upstream.close();
});

const attack = (front: Front, only: string) => {
  fronts.push(front);
  const argv = [`${front.url}/${names.registry}`, '--rate', '2000', '--requests', '500', '--only', only, '--json'];
  return runAttackCommand(argv, { env });
};

test('a proxy that only forwards reveals and changes documents in every way, and receives no random requests', async () => {
  const front = await startBareProxy({ access: upstream.access, registry: names.registry });
  const { code, report } = await attack(front, 'reads,changes,activity,paths,checkpoints,tokens,writes');
  const groups = new Set(findingsOf(report).map((finding) => finding.split(':', 1)[0]));
  expect(code).toBe(1);
  expect(groups).toEqual(new Set(['reads', 'changes', 'activity', 'paths', 'checkpoints', 'tokens', 'writes']));
  expect(report?.results.some(({ group }) => group === 'fuzz')).toBe(false);
  expect(report?.notes.join(' ')).toContain('No random requests were sent');
});

test('a proxy that rewrites _changes reveals the position of the database, and so the activity of others', async () => {
  const front = await startPlainProxy({ access: upstream.access, registry: names.registry }, SECRET);
  const { code, report } = await attack(front, 'changes,activity');
  expect(code).toBe(1);
  // CouchDB's position has an opaque part; that of the embedded engine is a number.
  expect(findingsOf(report).join('\n')).toMatch(/last_seq is the same for both users|reveals -g1AAAA/);
});
