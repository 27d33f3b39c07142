import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** The session and the generation that a refresh token stands for. */
interface RefreshTokenParts {
  readonly sessionId: string;
  /** Starts at 1 and is incremented at each rotation. */
  readonly generation: number;
}

export interface RefreshTokens {
  issue(parts: RefreshTokenParts): string;
  /** Returns undefined for a token that was not issued here. Needs no database request. */
  verify(token: string): RefreshTokenParts | undefined;
}

/** A generation has at most 9 digits, which is one rotation per second for 30 years. */
const TOKEN_PATTERN = /^([A-Za-z0-9_-]{1,64})\.([1-9]\d{0,8})\.([A-Za-z0-9_-]{43})$/;

const encodeUtf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * Issues and verifies refresh tokens: `<session>.<generation>.<HMAC-SHA256 of both>`. The database holds only the generation, so
 * a leak of it contains no valid token. The key is derived from the gate's secret for this purpose only (RFC 5869), so an access
 * token is never a valid refresh token.
 *
 * @param secrets the first one signs, and tokens of all of them verify, so a secret is rotated without ending sessions.
 * @throws RangeError when `secrets` is empty.
 */
export function createRefreshTokens(secrets: readonly string[]): RefreshTokens {
  const signers = secrets.map((secret) => {
    const key = new Uint8Array(hkdfSync('sha256', secret, '', 'pouchgate refresh token 1', 32));
    return ({ sessionId, generation }: RefreshTokenParts): string =>
      createHmac('sha256', key).update(`${sessionId}.${generation}`).digest('base64url');
  });
  const [sign] = signers;
  if (sign === undefined) throw new RangeError('Refresh tokens need a secret.');
  return {
    issue: (parts) => `${parts.sessionId}.${parts.generation}.${sign(parts)}`,
    verify: (token) => {
      const [, sessionId, generation, signature] = TOKEN_PATTERN.exec(token) ?? [];
      if (sessionId === undefined || generation === undefined || signature === undefined) return undefined;
      const parts = { sessionId, generation: Number(generation) };
      return signers.some((each) => timingSafeEqual(encodeUtf8(each(parts)), encodeUtf8(signature)))
        ? parts
        : undefined;
    },
  };
}
