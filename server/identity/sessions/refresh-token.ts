import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';

/** The session and the generation that a refresh token stands for. */
interface RefreshTokenParts {
  readonly sessionId: string;
  /** Starts at 1 and is incremented at each rotation. */
  readonly generation: number;
}

/** A token that was issued here. */
export interface VerifiedRefreshToken extends RefreshTokenParts {
  /** Whether a version issued it whose cookies had no prefix `__Host-`: see refresh-cookie.ts. */
  readonly isFormer: boolean;
}

export interface RefreshTokens {
  issue(parts: RefreshTokenParts): string;
  /** Returns undefined for a token that was not issued here. Needs no database request. */
  verify(token: string): VerifiedRefreshToken | undefined;
}

/** What the keys are derived for. The number is that of the format; tokens of the first one are still accepted. */
const KEY_LABEL = 'pouchgate refresh token 2';
const FORMER_KEY_LABEL = 'pouchgate refresh token 1';

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
  const signers = [KEY_LABEL, FORMER_KEY_LABEL].flatMap((label) =>
    secrets.map((secret) => ({ sign: createSigner(secret, label), isFormer: label === FORMER_KEY_LABEL })),
  );
  const [first] = signers;
  if (first === undefined) throw new RangeError('Refresh tokens need a secret.');
  return {
    issue: (parts) => `${parts.sessionId}.${parts.generation}.${first.sign(parts)}`,
    verify: (token) => {
      const [, sessionId, generation, signature] = TOKEN_PATTERN.exec(token) ?? [];
      if (sessionId === undefined || generation === undefined || signature === undefined) return undefined;
      const parts = { sessionId, generation: Number(generation) };
      const signer = signers.find(({ sign }) => timingSafeEqual(encodeUtf8(sign(parts)), encodeUtf8(signature)));
      return signer === undefined ? undefined : { ...parts, isFormer: signer.isFormer };
    },
  };
}

function createSigner(secret: string, label: string): (parts: RefreshTokenParts) => string {
  const key = new Uint8Array(hkdfSync('sha256', secret, '', label, 32));
  return ({ sessionId, generation }) =>
    createHmac('sha256', key).update(`${sessionId}.${generation}`).digest('base64url');
}
