import { isIP } from 'node:net';
import proxyAddr from 'proxy-addr';

/** The addresses and networks of the reverse proxies whose `X-Forwarded-For` is trusted, as `proxy-addr` accepts them. */
export type TrustedProxies = readonly string[];

/**
 * Whether an address of a socket or of `X-Forwarded-For` belongs to a trusted proxy. `hop` counts the addresses from the
 * connection's own, which is 0 and the default.
 */
export type TrustsAddress = (address: string, hop?: number) => boolean;

/**
 * Far more proxies than a path has. To compare the 1,500 trusted addresses of a header of 16 kB would take 7 ms.
 */
const MAX_TRUSTED_HOPS = 16;

/** A proxy on another machine must be configured: any client may have an address of a private network. */
export const DEFAULT_TRUSTED_PROXIES: TrustedProxies = ['loopback'];

/**
 * Parses a list of IPv4 and IPv6 addresses and networks in CIDR notation, separated by commas. `loopback` stands for
 * 127.0.0.0/8 and ::1. Returns `undefined` if an entry is invalid, and for `/0`, with which every client could choose its
 * address.
 */
export function parseTrustedProxies(text: string): TrustedProxies | undefined {
  const entries = text.split(',').map((entry) => entry.trim());
  return entries.every(isValidEntry) ? [...new Set(entries)] : undefined;
}

function isValidEntry(entry: string): boolean {
  if (entry === 'loopback') return true;
  // `proxy-addr` also accepts short forms of an address, such as `10` for 0.0.0.10.
  if (isIP(entry.replace(/\/.*$/, '')) === 0) return false;
  try {
    proxyAddr.compile(entry);
    return true;
  } catch {
    return false;
  }
}

/** Returns the function for Express's `trust proxy`: the client is the last address for which it returns false. */
export function createTrust(proxies: TrustedProxies): TrustsAddress {
  const trusts = proxyAddr.compile([...proxies]);
  return (address, hop = 0) => hop < MAX_TRUSTED_HOPS && trusts(withoutPort(address), hop);
}

/** Removes the port of the client's connection, which some gateways append (`192.0.2.1:50123`, `[2001:db8::1]:50123`). */
export function withoutPort(address: string): string {
  const [, ipv6, ipv4] = /^(?:\[([^[\]]+)\](?::\d+)?|(\d+(?:\.\d+){3}):\d+)$/.exec(address) ?? [];
  return ipv6 ?? ipv4 ?? address;
}
