import { isIP } from 'node:net';
import type { IncomingMessage } from 'node:http';
import { ipKeyGenerator } from 'express-rate-limit';
import { LRUCache } from 'lru-cache';
import proxyAddr from 'proxy-addr';
import { withoutPort, type TrustsAddress } from './trusted-proxies.ts';

/** The part of an IPv6 address that one customer of a provider has (RFC 6177). */
const IPV6_PREFIX_BITS = 64;
const MAX_CACHED_ADDRESSES = 10_000;
/** A longer `X-Forwarded-For` is parsed each time, so that the cache's memory is bounded. */
const MAX_CACHED_LENGTH = 256;

/**
 * Creates a function that returns the key of a request's client: its address, or the /64 network of an IPv6 address. It looks
 * at `X-Forwarded-For` only if a trusted proxy has sent the request.
 *
 * @param trusts - Whether an address is that of a trusted proxy.
 */
export function createClientAddress(trusts: TrustsAddress): (req: IncomingMessage) => string {
  const cache = new LRUCache<string, string>({ max: MAX_CACHED_ADDRESSES });
  return (req) => {
    const peer = req.socket.remoteAddress ?? '';
    const forwardedFor = req.headers['x-forwarded-for'];
    const text = forwardedFor === undefined ? peer : `${peer} ${String(forwardedFor)}`;
    const cached = cache.get(text);
    if (cached !== undefined) return cached;
    const key = addressKey(forwardedFor === undefined ? peer : proxyAddr(req, trusts));
    if (text.length <= MAX_CACHED_LENGTH) cache.set(text, key);
    return key;
  };
}

/** All texts that are not addresses share one key, so that a made-up text is not a new client. */
export function addressKey(text: string): string {
  const address = withoutPort(text);
  return isIP(address) === 0 ? 'unknown' : ipKeyGenerator(address, IPV6_PREFIX_BITS);
}
