export interface BatchedOptions<Asked, Answer> {
  /** Answers a whole batch at once, in its order. When it rejects, so does each of the batch. */
  readonly read: (batch: readonly Asked[]) => Promise<readonly Answer[]>;
  readonly largest: number;
  /** While these are under way what comes next gathers into the next batch: the busier the upstream, the larger. */
  readonly mostInFlight: number;
  /** A clock, in ms. */
  readonly now?: () => number;
}

/** What the upstream needs for one read alone, in ms, as measured on CouchDB 3.4.3 with nothing else to do. */
const ALONE = 4;
/** In ms: nobody waits longer than this for company, however great the crowd. */
const LONGEST_WAIT = 500;
/** In ms: how far ahead turns may be, which is how long after a crowd it is still reckoned with. */
const LONGEST_BACKLOG = 20_000;

interface Waiting<Asked, Answer> {
  readonly asked: Asked;
  readonly resolve: (answer: Promise<Answer>) => void;
  /** When this read would have been sent if each were sent alone, one after the other. In ms. */
  readonly turn: number;
}

/**
 * Puts many small reads into few requests without making anybody wait for it: a batch leaves as soon as it is full, or when
 * the first in it would have had its turn if each read were sent alone. So a single read leaves at once; but when
 * more is asked for than could be answered one by one (all clients come back after a restart), turns move into the
 * future, and batches fill.
 */
export function createBatched<Asked, Answer>(
  options: BatchedOptions<Asked, Answer>,
): (asked: Asked) => Promise<Answer> {
  const { read, largest, mostInFlight, now = () => performance.now() } = options;
  let waiting: Waiting<Asked, Answer>[] = [];
  let inFlight = 0;
  let lastTurn = Number.NEGATIVE_INFINITY;
  /** What it needs now, going by what the last batch took. */
  let alone = ALONE;
  let timer: NodeJS.Timeout | undefined;
  let isLooking = false;

  const send = (batch: readonly Waiting<Asked, Answer>[]): void => {
    const sentAt = now();
    const answers = read(batch.map(({ asked }) => asked));
    batch.forEach(({ resolve }, index) => resolve(answers.then((all) => all[index] as Answer)));
    inFlight += 1;
    const over = (): void => {
      inFlight -= 1;
      look();
    };
    answers.then(() => {
      alone = Math.max(ALONE, (now() - sentAt) / mostInFlight);
      over();
    }, over);
  };

  /** Sends what is due, and comes back when the next one is. */
  const look = (): void => {
    isLooking = false;
    clearTimeout(timer);
    timer = undefined;
    for (let first = waiting[0]; first !== undefined && inFlight < mostInFlight; first = waiting[0]) {
      const wait = first.turn - now();
      if (wait > 0 && waiting.length < largest) {
        timer = setTimeout(look, Math.ceil(wait));
        return;
      }
      const batch = waiting.slice(0, largest);
      waiting = waiting.slice(largest);
      send(batch);
    }
  };

  return (asked) =>
    new Promise((resolve) => {
      const asksAt = now();
      lastTurn = Math.min(Math.max(lastTurn + alone, asksAt), asksAt + LONGEST_BACKLOG);
      waiting.push({ asked, resolve, turn: Math.min(lastTurn, asksAt + LONGEST_WAIT) });
      // What is asked for in the same turn of the event loop goes together.
      if (isLooking || (waiting.length > 1 && waiting.length < largest)) return;
      isLooking = true;
      setImmediate(look);
    });
}
