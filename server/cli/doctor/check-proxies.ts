import type { Config } from '../../config/config.ts';
import { infoFinding, okFinding, type Finding } from './finding.ts';

const LOOPBACK_HOSTS: readonly string[] = ['127.0.0.1', '::1', 'localhost'];

/** Reports from which addresses the gates trust `X-Forwarded-For`. Whether a proxy sends it is unknown until requests arrive. */
export function evaluateProxies({
  host,
  publicUrl,
  trustedProxies,
}: Pick<Config, 'host' | 'publicUrl' | 'trustedProxies'>): Finding {
  const check = 'reverse proxy';
  if (publicUrl === undefined)
    return infoFinding(check, 'PUBLIC_URL is not set. Behind a reverse proxy, set it to the origin that browsers use.');
  const onlyLoopback = trustedProxies.every((proxy) => proxy === 'loopback' || LOOPBACK_HOSTS.includes(proxy));
  return onlyLoopback && !LOOPBACK_HOSTS.includes(host)
    ? infoFinding(
        check,
        'The gates trust X-Forwarded-For from this machine only. If the reverse proxy is on another one, or in another container, set TRUSTED_PROXIES to its address or network: otherwise all users share the rate limits of sign-in.',
      )
    : okFinding(check, `The gates trust X-Forwarded-For from ${trustedProxies.join(', ')}.`);
}
