import { isIPv4 } from 'node:net';
import { UsageError } from '../command-error.ts';
import type { ServerAddress } from './http/http-client.ts';

/** The deployment that is attacked. */
export interface AttackTarget extends ServerAddress {
  /** The server's origin, such as `https://example.org`. */
  readonly origin: string;
  /** The value of the `Host` header. */
  readonly host: string;
  /** The path of the gate, such as `/sync`; empty at the root. */
  readonly base: string;
  /** The database that clients replicate with. */
  readonly database: string;
  /** The path of the HTTP API. */
  readonly api: string;
}

/** Where Pouchgate serves its database, unless it is mounted elsewhere. */
const DEFAULT_PATH = '/sync/user_registry';
const SYNC = /\/sync$/;

/**
 * Parses the address on the command line.
 *
 * @param text The server's origin, or the URL of the database that clients replicate with.
 * @param isOperator Whether the person confirms to operate the server. Without that, only loopback addresses are accepted.
 * @throws {UsageError} Its message does not repeat the URL, which may contain a password.
 */
export function parseTarget(text: string, isOperator: boolean): AttackTarget {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !['http:', 'https:'].includes(url.protocol))
    throw new UsageError('The address is not a URL such as http://127.0.0.1:4000.');
  if (url.username !== '' || url.password !== '' || url.search !== '' || url.hash !== '')
    throw new UsageError(
      'The URL has credentials, a query or a fragment. Pass only the address of the server or database.',
    );
  if (!isLoopback(url.hostname) && !isOperator)
    throw new UsageError(
      `${url.hostname} is not this machine. Attack only what you operate, and confirm it with --i-operate-this-server.`,
    );
  const path = url.pathname.replace(/\/+$/, '');
  const segments = (path === '' ? DEFAULT_PATH : path).split('/');
  const database = segments.pop() ?? '';
  const base = segments.join('/');
  const isSecure = url.protocol === 'https:';
  return {
    origin: url.origin,
    host: url.host,
    hostname: url.hostname.replace(/^\[|\]$/g, ''),
    port: Number(url.port === '' ? (isSecure ? 443 : 80) : url.port),
    isSecure,
    base,
    database,
    api: `${SYNC.test(base) ? base.replace(SYNC, '') : ''}/api`,
  };
}

/** Only names and addresses that are always loopback. A name in a hosts file is not. */
const isLoopback = (hostname: string): boolean =>
  /^(.+\.)?localhost$/.test(hostname) || hostname === '[::1]' || (isIPv4(hostname) && hostname.startsWith('127.'));
