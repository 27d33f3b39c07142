import type { RequestHandler } from 'express';
import type { TrustsAddress } from './trusted-proxies.ts';

/** The reasons why all users behind a reverse proxy share the rate limits of one address. */
export type ForwardingFault = 'not-forwarded' | 'not-trusted' | 'direct';

/**
 * Returns why the address of the connection counts as that of the client, or `undefined` if a trusted proxy has forwarded the
 * client's address.
 */
export function findForwardingFault(
  peer: string,
  forwardedFor: string | undefined,
  trusts: TrustsAddress,
): ForwardingFault | undefined {
  const isForwarded = forwardedFor !== undefined && forwardedFor.trim() !== '';
  if (trusts(peer)) return isForwarded ? undefined : 'not-forwarded';
  return isForwarded ? 'not-trusted' : 'direct';
}

const CONSEQUENCE = 'Until then all users behind it share the rate limits of sign-in.';

/** Returns sentences for the operator: the fault, its consequence, and how to correct it. */
export function describeForwardingFault(fault: ForwardingFault, peer: string): string {
  switch (fault) {
    case 'not-forwarded':
      return `PUBLIC_URL is set, but the reverse proxy at ${peer} sends no X-Forwarded-For. Configure it to send the client's address. ${CONSEQUENCE}`;
    case 'not-trusted':
      return `The X-Forwarded-For of a request from ${peer} was ignored. If that is the reverse proxy, add its address or network to TRUSTED_PROXIES. ${CONSEQUENCE}`;
    case 'direct':
      return `PUBLIC_URL is set, but a request came from ${peer} without X-Forwarded-For. If that is the reverse proxy, configure it to send the client's address, and add its own to TRUSTED_PROXIES. ${CONSEQUENCE}`;
  }
}

/** Creates a middleware that calls `warn` once for each fault. */
export function warnOfForwardingFaults(trusts: TrustsAddress, warn: (sentences: string) => void): RequestHandler {
  const warned = new Set<ForwardingFault>();
  return (req, _res, next) => {
    const peer = req.socket.remoteAddress ?? '';
    const fault = findForwardingFault(peer, req.get('x-forwarded-for'), trusts);
    if (fault !== undefined && !warned.has(fault)) {
      warned.add(fault);
      warn(describeForwardingFault(fault, peer));
    }
    next();
  };
}
