import { pbkdf2Sync } from 'node:crypto';
import { scaleMs } from '../../../couchdb-design/testing/patience.ts';
import { connect } from '../../../server/upstream/client.ts';
import { startConfiguredUpstream, startIdentityServer } from '../../../server/testing/test-identity.ts';

/**
 * What the time of a sign-in reveals: nothing about whether the name has an account. It is measured on a quiet machine only, with a
 * CouchDB. The suite counts the work instead (`server/identity/passwords/hash-work.test.ts`).
 *
 *     SIGN_IN_ROUNDS=40 npx jest scripts/e2e/security/sign-in-work.test.ts
 */

const ROUNDS = Number(process.env['SIGN_IN_ROUNDS'] ?? 20);
/** Of the CPU time of this process. */
const CPU_TOLERANCE = 0.1;
/** Of the elapsed time, which shows what a CouchDB computes. Other processes change it more. */
const TIME_TOLERANCE = 0.25;
const PASSWORD = 'correct horse';

interface Sample {
  readonly cpuMs: number;
  readonly timeMs: number;
}

const median = (values: readonly number[]): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0;
const medianOf = (samples: readonly Sample[]): Sample => ({
  cpuMs: median(samples.map(({ cpuMs }) => cpuMs)),
  timeMs: median(samples.map(({ timeMs }) => timeMs)),
});
const isSame = (a: number, b: number, tolerance: number): boolean => Math.abs(a / b - 1) <= tolerance;

const testIfMeasured = process.env['SIGN_IN_ROUNDS'] === undefined ? test.skip : test;

testIfMeasured(
  'a wrong password takes as long for an absent name as for an account of any kind',
  async () => {
    const upstream = await startConfiguredUpstream();
    // Attempts of one name are delayed by this clock, which makes each of them the first in hours.
    let now = Date.now();
    const gate = await startIdentityServer(upstream, { now: () => (now += 36_000_000) });
    const send = (path: string, username: string, password: string): Promise<Response> =>
      fetch(`${gate.url}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ username, password }),
      });

    const [known, signedIn, cheap] = ['known', 'signed-in', 'cheap'].map((name) => upstream.accountName(name));
    if (known === undefined || signedIn === undefined || cheap === undefined) throw new Error('a name is missing');
    for (const name of [known, signedIn]) expect((await send('/register', name, PASSWORD)).status).toBe(201);
    expect((await send('/sign-in', signedIn, PASSWORD)).status).toBe(200);
    // An imported account.
    await connect(upstream.access)
      .use<object>('_users')
      .insert({
        _id: `org.couchdb.user:${cheap}`,
        name: cheap,
        type: 'user',
        roles: [],
        password_scheme: 'pbkdf2',
        pbkdf2_prf: 'sha',
        salt: 'salt',
        iterations: 10,
        derived_key: pbkdf2Sync(PASSWORD, 'salt', 10, 20, 'sha1').toString('hex'),
      } as object);
    expect((await send('/sign-in', cheap, PASSWORD)).status).toBe(200);

    const kinds = { absent: upstream.accountName('absent'), known, signedIn, cheap };
    const samples: Record<keyof typeof kinds, Sample[]> = { absent: [], known: [], signedIn: [], cheap: [] };
    for (let n = 0; n < ROUNDS; n += 1) {
      for (const kind of Object.keys(kinds) as (keyof typeof kinds)[]) {
        const [cpu, time] = [process.cpuUsage(), performance.now()];
        const { status } = await send('/sign-in', kinds[kind], `wrong password ${n}`);
        const timeMs = performance.now() - time;
        const { user, system } = process.cpuUsage(cpu);
        expect(status).toBe(401);
        samples[kind].push({ cpuMs: (user + system) / 1000, timeMs });
      }
    }
    const absent = medianOf(samples.absent);
    for (const kind of ['known', 'signedIn', 'cheap'] as const) {
      const each = medianOf(samples[kind]);
      const isEqual =
        isSame(each.cpuMs, absent.cpuMs, CPU_TOLERANCE) && isSame(each.timeMs, absent.timeMs, TIME_TOLERANCE);
      expect([kind, isEqual, each, absent]).toEqual([kind, true, each, absent]);
    }
    await gate.close();
    await upstream.close();
  },
  scaleMs(60_000),
);
