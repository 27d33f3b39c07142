import { isIP } from 'node:net';
import type { Request } from 'express';
import { ipKeyGenerator } from 'express-rate-limit';
import { withoutPort } from './trusted-proxies.ts';

/**
 * Returns the key of a client's address, behind trusted proxies the one that they forward. All addresses of an IPv6 subnet have one
 * key, because a client may use any of them. All texts that are not addresses share one key, so that a made-up text in
 * `X-Forwarded-For` is not a new client.
 */
export function clientAddress({ ip = '' }: Pick<Request, 'ip'>): string {
  const address = withoutPort(ip);
  return isIP(address) === 0 ? 'unknown' : ipKeyGenerator(address);
}
