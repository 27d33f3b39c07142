/** Limits the rate of requests. */

/** Resolves when the caller's turn has come. */
export type Throttle = () => Promise<void>;

/** Allows `limit` turns in any window of `windowMs` milliseconds. The first come at once, later ones in order. */
export function createThrottle(limit: number, windowMs: number): Throttle {
  // Each turn waits until the turn `limit` places before it is `windowMs` old.
  const recentTurns = new Array<Promise<void> | undefined>(limit);
  return () => {
    const turn = Promise.resolve(recentTurns.shift());
    recentTurns.push(turn.then(() => new Promise((resolve) => setTimeout(resolve, windowMs))));
    return turn;
  };
}
