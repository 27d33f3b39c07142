/** Does what it is given as soon as fewer than so many are under way; in the order in which they came. */
export type AtMost = <T>(work: () => Promise<T>) => Promise<T>;

export function atMost(most: number): AtMost {
  const waiting: (() => void)[] = [];
  let underWay = 0;
  return async (work) => {
    if (underWay < most) underWay += 1;
    // Its place is handed on by whoever is done, so nobody slips in between.
    else await new Promise<void>((resolve) => waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = waiting.shift();
      if (next === undefined) underWay -= 1;
      else next();
    }
  };
}
