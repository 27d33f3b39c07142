/**
 * How much slower than a quiet machine this one is, from 1. `jest.config.ts` measures it once and sets `TEST_PATIENCE` for
 * every worker; the variable can also be set by hand.
 */
const PATIENCE = Math.max(1, Number(process.env['TEST_PATIENCE'] ?? 1));

/**
 * Scales a bound on a duration that a test asserts.
 *
 * @param ms the bound on a quiet machine, in milliseconds
 * @returns the bound on this machine, in whole milliseconds, which child processes require
 * @example expect(elapsedMs).toBeLessThan(scaleMs(2_000));
 */
export const scaleMs = (ms: number): number => Math.ceil(ms * PATIENCE);

/**
 * The limit of a wait for an event, in milliseconds. It only ends a wait whose event never comes, so it is generous: a slow
 * machine must not turn a passing test into a failing one.
 */
export const MAX_WAIT_MS = scaleMs(60_000);
