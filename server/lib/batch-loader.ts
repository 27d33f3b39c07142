export interface BatchLoaderOptions<Asked, Answer> {
  /** Answers a whole batch at once, in its order. When it rejects, so does each of the batch. */
  readonly read: (batch: readonly Asked[]) => Promise<readonly Answer[]>;
  readonly maxBatchSize: number;
  /** While these are under way what comes next gathers into the next batch: the busier the upstream, the larger. */
  readonly maxInFlight: number;
  /** A clock, in ms. */
  readonly now?: () => number;
}

/** What the upstream needs for one read alone, in ms, as measured on CouchDB 3.4.3 with nothing else to do. */
const MIN_SOLO_COST_MS = 4;
/** In ms: nobody waits longer than this for company, however great the crowd. */
const MAX_WAIT_MS = 500;
/** In ms: how far ahead turns may be, which is how long after a crowd it is still reckoned with. */
const MAX_BACKLOG_MS = 20_000;

interface PendingRead<Asked, Answer> {
  readonly key: Asked;
  readonly resolve: (answer: Promise<Answer>) => void;
  /** When this read would have been sent if each were sent alone, one after the other. In ms. */
  readonly dueAt: number;
}

/**
 * Puts many small reads into few requests without making anybody wait for it: a batch leaves as soon as it is full, or when
 * the first in it would have had its turn if each read were sent alone. So a single read leaves at once; but when
 * more is asked for than could be answered one by one (all clients come back after a restart), turns move into the
 * future, and batches fill.
 */
export function createBatchLoader<Asked, Answer>(
  options: BatchLoaderOptions<Asked, Answer>,
): (asked: Asked) => Promise<Answer> {
  const { read, maxBatchSize, maxInFlight, now = () => performance.now() } = options;
  let pending: PendingRead<Asked, Answer>[] = [];
  let inFlight = 0;
  let lastDueAt = Number.NEGATIVE_INFINITY;
  /** What it needs now, going by what the last batch took. */
  let soloCostMs = MIN_SOLO_COST_MS;
  let timer: NodeJS.Timeout | undefined;
  let isFlushScheduled = false;

  const sendBatch = (batch: readonly PendingRead<Asked, Answer>[]): void => {
    const sentAt = now();
    const results = read(batch.map(({ key }) => key));
    batch.forEach(({ resolve }, index) => resolve(results.then((all) => all[index] as Answer)));
    inFlight += 1;
    const onSettled = (): void => {
      inFlight -= 1;
      flushDue();
    };
    results.then(() => {
      soloCostMs = Math.max(MIN_SOLO_COST_MS, (now() - sentAt) / maxInFlight);
      onSettled();
    }, onSettled);
  };

  /** Sends what is due, and comes back when the next one is. */
  const flushDue = (): void => {
    isFlushScheduled = false;
    clearTimeout(timer);
    timer = undefined;
    for (let first = pending[0]; first !== undefined && inFlight < maxInFlight; first = pending[0]) {
      const wait = first.dueAt - now();
      if (wait > 0 && pending.length < maxBatchSize) {
        timer = setTimeout(flushDue, Math.ceil(wait));
        return;
      }
      const batch = pending.slice(0, maxBatchSize);
      pending = pending.slice(maxBatchSize);
      sendBatch(batch);
    }
  };

  return (key) =>
    new Promise((resolve) => {
      const requestedAt = now();
      lastDueAt = Math.min(Math.max(lastDueAt + soloCostMs, requestedAt), requestedAt + MAX_BACKLOG_MS);
      pending.push({ key, resolve, dueAt: Math.min(lastDueAt, requestedAt + MAX_WAIT_MS) });
      // What is asked for in the same turn of the event loop goes together.
      if (isFlushScheduled || (pending.length > 1 && pending.length < maxBatchSize)) return;
      isFlushScheduled = true;
      setImmediate(flushDue);
    });
}
