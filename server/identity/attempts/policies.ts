import type { BackoffPolicy } from './backoff.ts';

/**
 * What wrong passwords delay, following OWASP ASVS 5.0 (6.1.1, 6.3.1) and OWASP's device cookies
 * (https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies). Nothing locks an account.
 *
 * An attempt for a name belongs to one of three groups, and failures in one group do not delay the others:
 *
 * - `device`: its cookie proves that this device has signed in with this name before;
 * - `newcomer`: an address from which this name has not failed lately, and no other attempt is in progress. A user's right
 *   password gets through here, while others guess from other addresses;
 * - `repeated`: an address from which it has.
 *
 * Anyone can be in the last two groups, so they limit the guesses of a name from any number of addresses: see
 * `MAX_GUESSES_PER_HOUR`.
 */
export const POLICIES = {
  device: { freeFailures: 10, maxDelayMs: 180_000, decayMs: 600_000 },
  newcomer: { freeFailures: 10, maxDelayMs: 180_000, decayMs: 600_000 },
  repeated: { freeFailures: 5, maxDelayMs: 180_000, decayMs: 600_000 },
  /**
   * Right passwords of one name, each of which costs a check and a session. Only somebody who has the password can cause this
   * delay, so nobody else can delay the user by it.
   */
  accepted: { freeFailures: 30, maxDelayMs: 60_000, decayMs: 30_000 },
  /** Of one address with any names. An office or a carrier has many users behind one address, so the delay stays short. */
  address: { freeFailures: 50, maxDelayMs: 5_000, decayMs: 30_000 },
} as const satisfies Readonly<Record<string, BackoffPolicy>>;

export type PolicyName = keyof typeof POLICIES;

/**
 * The guesses of one name in the first hour of an attack from any number of addresses. Later hours have 40. Gates and workers exchange
 * their counters within a second, but each may begin an attempt before: with four of them an attacker has up to 240.
 */
export const MAX_GUESSES_PER_HOUR = 70;

/** An attempt that has to wait no longer than this is held until then, instead of being refused. In ms. */
export const MAX_HOLD_MS = 5_000;
