import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { ATTACK_GROUPS } from './entry.ts';
import { HOLES } from './testing/holes.ts';
import { startHoleyProxy } from './testing/holey-proxy.ts';
import { startLengthRemover } from './testing/length-remover.ts';
import { findingsOf, runAttackCommand } from './testing/run-attack-command.ts';

let gate: TestGate;
beforeAll(async () => {
  gate = await startTestGate();
});
afterAll(() => gate.close());

let pairs = 0;
/** Creates two users, because some holes destroy a document. Resolves with their tokens. */
async function newUsers(): Promise<Record<string, string>> {
  pairs += 1;
  const [a = '', b = ''] = ['a', 'b'].map((letter) => gate.upstream.accountName(`hole-${letter}${pairs}`));
  // The first request creates a user's document.
  for (const user of [a, b]) expect((await gate.request(user, `/user_${user}`)).status).toBe(200);
  return { ATTACK_TOKEN_A: gate.token(a), ATTACK_TOKEN_B: gate.token(b) };
}

const FAST = ['--requests', '0', '--rate', '2000', '--json'];
const registry = (): string => gate.upstream.names.registry;

describe('a proxy with one hole in front of a gate', () => {
  test.each(HOLES.map((hole) => [hole.name, hole] as const))('that %s is found', async (_, hole) => {
    const token = (username: string): string => gate.token(username);
    const options = { gateUrl: gate.url, database: gate.upstream.access, registry: registry(), token, hole };
    const proxy = await startHoleyProxy(options);
    const users = hole.needsSession === true ? ['--register'] : [];
    const argv = [`${proxy.url}/sync/${registry()}`, '--only', hole.foundBy, ...users, ...FAST];
    const { code, report } = await runAttackCommand(argv, { env: await newUsers() });
    expect(findingsOf(report).filter((finding) => finding.startsWith(`${hole.foundBy}: `))).not.toEqual([]);
    expect(code).toBe(1);
    await proxy.close();
  });

  test('the same proxy without a hole has no findings', async () => {
    const proxy = await startHoleyProxy({
      gateUrl: gate.url,
      database: gate.upstream.access,
      registry: registry(),
      token: (username) => gate.token(username),
      hole: {},
    });
    const argv = [`${proxy.url}/sync/${registry()}`, ...FAST];
    const { code, report, stderr } = await runAttackCommand(argv, { env: await newUsers() });
    expect({ findings: findingsOf(report), stderr, code }).toEqual({ findings: [], stderr: '', code: 0 });
    expect(new Set(report?.results.map(({ group }) => group))).toEqual(new Set(ATTACK_GROUPS));
  });

  test('that forwards a body by its transfer coding, and removes the contradicting length, is found', async () => {
    const proxy = await startLengthRemover(Number(new URL(gate.url).port));
    const argv = [`${proxy.url}/sync/${registry()}`, '--only', 'framing', ...FAST];
    const { code, report } = await runAttackCommand(argv, { env: await newUsers() });
    expect(findingsOf(report).join('\n')).toContain('the body was answered as a request');
    expect(code).toBe(1);
    await proxy.close();
  });
});
