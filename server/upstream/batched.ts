export interface BatchedOptions<Asked, Answer> {
  /** Answers a whole batch at once, in its order. When it rejects, so does each of the batch. */
  readonly read: (batch: readonly Asked[]) => Promise<readonly Answer[]>;
  readonly largest: number;
  /** While these are under way what comes next gathers into the next batch: the busier the upstream, the larger. */
  readonly mostInFlight: number;
}

/**
 * Puts many small reads into few requests. Nobody waits for a batch to fill: what is asked for in the same turn of the event
 * loop goes together, as soon as there is a place in flight.
 */
export function createBatched<Asked, Answer>(
  options: BatchedOptions<Asked, Answer>,
): (asked: Asked) => Promise<Answer> {
  const { read, largest, mostInFlight } = options;
  interface Waiting {
    readonly asked: Asked;
    readonly resolve: (answer: Promise<Answer>) => void;
  }
  let waiting: Waiting[] = [];
  let inFlight = 0;

  const send = (batch: readonly Waiting[]): Promise<unknown> => {
    const answers = read(batch.map(({ asked }) => asked));
    batch.forEach(({ resolve }, index) => {
      resolve(answers.then((all) => all[index] as Answer));
    });
    return answers;
  };
  const flush = (): void => {
    while (waiting.length > 0 && inFlight < mostInFlight) {
      const batch = waiting.slice(0, largest);
      waiting = waiting.slice(largest);
      inFlight += 1;
      const over = (): void => {
        inFlight -= 1;
        flush();
      };
      send(batch).then(over, over);
    }
  };
  return (asked) =>
    new Promise((resolve) => {
      waiting.push({ asked, resolve });
      if (waiting.length === 1) setImmediate(flush);
    });
}
