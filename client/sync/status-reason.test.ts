import { TOKEN_REFUSAL_CODES, type TokenRefusalCode } from '../../server/contract.ts';
import type { PlatformReason } from '../platform/health.ts';
import { describeReason, REASONS } from '../reasons.ts';
import { orderReasons, toSignInReason, type SignInReason } from './status-reason.ts';

test('the codes of rejected tokens are those of the server’s contract, each with its own sentence', () => {
  const codes: readonly TokenRefusalCode[] = TOKEN_REFUSAL_CODES;
  // It compiles only if every code of the server is in the client's type.
  const reasons: readonly SignInReason[] = codes;
  for (const reason of reasons) {
    expect(toSignInReason(reason)).toBe(reason);
    expect(REASONS).toContain(reason);
  }
  const sentences = REASONS.map(describeReason);
  expect(new Set(sentences).size).toBe(REASONS.length);
});

test('a 401 without a code has a reason, and a code of a later server has a sentence', () => {
  const invalid = [['token-expired'], `token-${'x'.repeat(100)}`, 'token-<b>', 'token-expired\n'];
  for (const code of [undefined, null, 7, {}, '', 'wrong-url', 'unauthorized', ...invalid]) {
    expect(toSignInReason(code)).toBe('token-rejected');
  }
  expect(describeReason(toSignInReason('token-of-a-later-version'))).toBe(describeReason('token-rejected'));
});

test('the reason for the missing connection is listed between those with and without a risk for data', () => {
  const platform: readonly PlatformReason[] = ['database-unavailable', 'channel-unavailable'];
  expect(orderReasons(platform, 'wrong-url')).toEqual(['database-unavailable', 'wrong-url', 'channel-unavailable']);
  expect(orderReasons(platform, undefined)).toEqual(['database-unavailable', 'channel-unavailable']);
  expect(orderReasons([], undefined)).toEqual([]);
});
