import { createHmac } from 'node:crypto';
import { claimsOf } from './users/claims.ts';

/** A token that no server may accept. */
export interface ForgedToken {
  readonly description: string;
  readonly token: string;
}

const encode = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** Secrets that examples and tests use. */
const KNOWN_SECRETS = ['', 'secret', 'password', 'changeme', 'your-256-bit-secret', 'jwt-secret'];

/**
 * Makes tokens for the subject of `victim` out of the attacker's. Tokens that are not JWTs are only truncated and extended.
 *
 * @param nowSeconds seconds since 1970
 */
export function forgeTokens(attacker: string, victim: string, nowSeconds: number): readonly ForgedToken[] {
  const [header = '', payload = '', signature = ''] = attacker.split('.');
  const damaged = [
    { description: 'one character less', token: attacker.slice(0, -1) },
    { description: 'one character more', token: `${attacker}A` },
    { description: 'two tokens', token: `${attacker},${attacker}` },
    { description: 'an empty token', token: '' },
  ];
  if (signature === '') return damaged;
  const claims = { ...claimsOf(victim), exp: nowSeconds + 3_600 };
  const forged = encode(claims);
  const unsigned = ['none', 'None', 'nOnE', 'NONE', ''].map((alg) => ({
    description: `alg ${JSON.stringify(alg)} and no signature`,
    token: `${encode({ alg, typ: 'JWT' })}.${forged}.`,
  }));
  const hmac = (input: string, secret: string): string =>
    createHmac('sha256', secret).update(input).digest('base64url');
  const guessed = KNOWN_SECRETS.map((secret) => {
    const input = `${encode({ alg: 'HS256', typ: 'JWT' })}.${forged}`;
    return { description: `signed with ${JSON.stringify(secret)}`, token: `${input}.${hmac(input, secret)}` };
  });
  const withHeader = (description: string, fields: object): ForgedToken => {
    const input = `${encode({ alg: 'HS256', typ: 'JWT', ...fields })}.${forged}`;
    return { description, token: `${input}.${hmac(input, '')}` };
  };
  const [, othersPayload = ''] = victim.split('.');
  return [
    ...damaged,
    ...unsigned,
    ...guessed,
    {
      description: 'the claims of user B with the signature of user A',
      token: `${header}.${othersPayload}.${signature}`,
    },
    {
      description: 'a later expiry with the old signature',
      token: `${header}.${encode({ ...claimsOf(attacker), exp: 4e9 })}.${signature}`,
    },
    { description: 'no signature', token: `${header}.${payload}.` },
    withHeader('a kid that is a path', { kid: '../../../../dev/null' }),
    withHeader('a key in the header', { jwk: { kty: 'oct', k: '' } }),
    withHeader('a key set of another server', { jku: 'https://evil.example/jwks.json' }),
    withHeader('an unknown critical header', { crit: ['b64'], b64: false }),
  ];
}
