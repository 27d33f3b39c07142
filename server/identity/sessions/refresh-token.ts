import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** Which refresh token of which session. */
interface RefreshTokenParts {
  readonly sessionId: string;
  /** From 1, one more at each rotation. */
  readonly generation: number;
}

export interface RefreshTokens {
  issue(parts: RefreshTokenParts): string;
  /** Undefined for what we have not issued, found out without asking the database. */
  verify(token: string): RefreshTokenParts | undefined;
}

/** Generations stay far below: this is one every second for thirty years. */
const TOKEN_PATTERN = /^([A-Za-z0-9_-]{1,64})\.([1-9]\d{0,8})\.([A-Za-z0-9_-]{43})$/;

const encodeUtf8 = (text: string): Uint8Array => new TextEncoder().encode(text);

/**
 * Refresh tokens are `<session>.<generation>.<HMAC-SHA256 of both>`. The database holds only the generation, so whoever
 * reads it can sign nobody in. The key is derived from the gate's secret for this purpose alone (RFC 5869), so that no
 * access token is ever a refresh token. The first of `secrets` signs, and what any of them has signed is read: so a
 * secret is replaced without signing anybody out.
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
