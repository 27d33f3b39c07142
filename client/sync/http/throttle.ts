/** Resolved when it is one's turn. */
export type Pace = () => Promise<void>;

/** At most `turns` in any `ms` milliseconds: the first ones at once, the others in their order as time allows. */
export function createPace(turns: number, ms: number): Pace {
  // Each turn waits for the one that many before it to be long enough ago.
  const past = new Array<Promise<void> | undefined>(turns);
  return () => {
    const turn = Promise.resolve(past.shift());
    past.push(turn.then(() => new Promise((resolve) => setTimeout(resolve, ms))));
    return turn;
  };
}
