import type { Request, Response } from 'express';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { DeviceTokens } from '../attempts/device-tokens.ts';
import { createHostCookie } from './host-cookie.ts';

/** The cookie by which a device that has signed in before is recognised. It stays when the user signs out. */
export interface DeviceCookie {
  /** Returns the device's id if the user has signed in on it before. */
  identify(req: Pick<Request, 'headers'>, username: Username): string | undefined;
  /** Remembers that the user has signed in on this device. */
  remember(res: Response, username: Username): void;
}

/** In ms. Browsers keep no cookie longer. */
const LIFETIME_MS = 400 * 24 * 60 * 60_000;

/**
 * Creates the cookie of devices.
 *
 * @param isSecure - Whether browsers use https.
 * @param tokens - Issues and verifies its value.
 * @param now - Returns the time in ms.
 * @returns The cookie.
 */
export function createDeviceCookie(isSecure: boolean, tokens: DeviceTokens, now: () => number): DeviceCookie {
  const cookie = createHostCookie('pouchgate_device', isSecure);
  const identify: DeviceCookie['identify'] = (req, username) =>
    cookie
      .read(req)
      .map((value) => tokens.verify(value, username))
      .find((id) => id !== undefined);
  return {
    identify,
    remember: (res, username) => cookie.set(res, tokens.issue(cookie.read(res.req)[0], username), now() + LIFETIME_MS),
  };
}
