/** Resolved when it is one's turn. */
export type Throttle = () => Promise<void>;

/** At most `turns` in any `ms` milliseconds: the first ones at once, the others in their order as time allows. */
export function createThrottle(limit: number, windowMs: number): Throttle {
  // Each turn waits for the one that many before it to be long enough ago.
  const recentTurns = new Array<Promise<void> | undefined>(limit);
  return () => {
    const turn = Promise.resolve(recentTurns.shift());
    recentTurns.push(turn.then(() => new Promise((resolve) => setTimeout(resolve, windowMs))));
    return turn;
  };
}
