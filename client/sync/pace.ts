/** Resolved when it is one's turn. */
export type Pace = () => Promise<void>;

/** At most `turns` in any `ms` milliseconds: the first ones at once, the others in their order as time allows. */
export function createPace(turns: number, ms: number): Pace {
  const waiting: (() => void)[] = [];
  let free = turns;
  const next = (): void => {
    if (free === 0) return;
    const go = waiting.shift();
    if (go === undefined) return;
    free -= 1;
    setTimeout(() => {
      free += 1;
      next();
    }, ms);
    go();
  };
  return () =>
    new Promise((resolve) => {
      waiting.push(resolve);
      next();
    });
}
