import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';

/** The value of a device's cookie: the device's id, and a proof for each name that has signed in there, the latest first. */
const TOKEN_PATTERN = /^[A-Za-z0-9_-]{22}(?:\.[A-Za-z0-9_-]{22}){1,5}$/;

/** A family shares a device. */
const MAX_NAMES = 5;

export interface DeviceTokens {
  /**
   * Returns the token of a device on which a user has just proved who they are.
   *
   * @param token - The device's token until now, from its cookie.
   * @param username - The user.
   */
  issue(token: string | undefined, username: Username): string;
  /** Returns the device's id if its token proves that the user has signed in there; otherwise undefined. */
  verify(token: string | undefined, username: Username): string | undefined;
}

/**
 * Issues and verifies the tokens of devices that have signed in before. A token gives no access: it only keeps the attempts of
 * others from delaying those of its device. A proof is a truncated HMAC-SHA256 of the device's id and the name, so the cookie
 * does not contain names, and a proof of one name is none of another.
 *
 * @param secrets - The first one signs, and tokens of all of them verify.
 * @returns The functions that issue and verify.
 */
export function createDeviceTokens(secrets: readonly string[]): DeviceTokens {
  const provers = secrets.map((secret) => {
    const key = new Uint8Array(hkdfSync('sha256', secret, '', 'pouchgate device token 1', 32));
    return (deviceId: string, username: Username): string =>
      createHmac('sha256', key)
        .update(JSON.stringify([deviceId, username]))
        .digest('base64url')
        .slice(0, 22);
  });
  const [prove] = provers;
  if (prove === undefined) throw new RangeError('Device tokens need a secret.');
  const parse = (token = ''): readonly string[] => (TOKEN_PATTERN.test(token) ? token.split('.') : []);
  return {
    issue: (token, username) => {
      const [deviceId = randomBytes(16).toString('base64url'), ...proofs] = parse(token);
      const proof = prove(deviceId, username);
      const others = proofs.filter((each) => each !== proof);
      return [deviceId, proof, ...others.slice(0, MAX_NAMES - 1)].join('.');
    },
    verify: (token, username) => {
      const [deviceId, ...proofs] = parse(token);
      if (deviceId === undefined) return undefined;
      const expected = provers.map((each) => each(deviceId, username));
      return proofs.some((proof) => expected.some((each) => isEqual(proof, each))) ? deviceId : undefined;
    },
  };
}

const isEqual = (a: string, b: string): boolean => {
  const encoder = new TextEncoder();
  return timingSafeEqual(encoder.encode(a), encoder.encode(b));
};
