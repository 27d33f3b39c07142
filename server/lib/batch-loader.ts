export interface BatchLoaderOptions<Key, Value> {
  /** Reads a batch and resolves with its values in order. A rejection rejects every read of the batch. */
  readonly read: (batch: readonly Key[]) => Promise<readonly Value[]>;
  /** Returns the size of the largest batch. Called for each batch. */
  readonly maxBatchSize: () => number;
  /** How many batches run at once. Further reads wait for the next batch, so batches grow with the upstream's load. */
  readonly maxInFlight: number;
  /** A clock, in ms. */
  readonly now?: () => number;
}

/** The duration of a single read, in ms, as measured on an idle CouchDB 3.4.3. */
const MIN_SOLO_COST_MS = 4;
/** The longest that a read waits for its batch to fill, in ms, whatever the load. */
const MAX_WAIT_MS = 500;
/** How far ahead turns may be scheduled, in ms: how long a load peak still affects later reads. */
const MAX_BACKLOG_MS = 20_000;

interface PendingRead<Key, Value> {
  readonly key: Key;
  readonly resolve: (value: Promise<Value>) => void;
  /** When this read would have been sent if reads were sent one by one. In ms. */
  readonly dueAt: number;
}

/**
 * Combines many small reads into few requests without delaying any of them. A batch is sent as soon as it is full, or when
 * its first read would have had its turn if reads were sent one by one. So a single read is sent immediately. When more
 * reads arrive than could be answered one by one (all clients reconnect after a restart), turns move into the future and
 * batches fill.
 *
 * @returns A function that reads one key. It rejects when the read of its batch rejects.
 */
export function createBatchLoader<Key, Value>(options: BatchLoaderOptions<Key, Value>): (key: Key) => Promise<Value> {
  const { read, maxBatchSize, maxInFlight, now = () => performance.now() } = options;
  let pending: PendingRead<Key, Value>[] = [];
  let inFlight = 0;
  let lastDueAt = Number.NEGATIVE_INFINITY;
  /** The current estimate for a single read, derived from the duration of the last batch. */
  let soloCostMs = MIN_SOLO_COST_MS;
  let timer: NodeJS.Timeout | undefined;
  let isFlushScheduled = false;

  const sendBatch = (batch: readonly PendingRead<Key, Value>[]): void => {
    const sentAt = now();
    const results = read(batch.map(({ key }) => key));
    batch.forEach(({ resolve }, index) => resolve(results.then((all) => all[index] as Value)));
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

  /** Sends the batches that are due, and sets a timer for the next one. */
  const flushDue = (): void => {
    isFlushScheduled = false;
    clearTimeout(timer);
    timer = undefined;
    for (let first = pending[0]; first !== undefined && inFlight < maxInFlight; first = pending[0]) {
      const wait = first.dueAt - now();
      const size = maxBatchSize();
      if (wait > 0 && pending.length < size) {
        timer = setTimeout(flushDue, Math.ceil(wait));
        return;
      }
      const batch = pending.slice(0, size);
      pending = pending.slice(size);
      sendBatch(batch);
    }
  };

  return (key) =>
    new Promise((resolve) => {
      const requestedAt = now();
      lastDueAt = Math.min(Math.max(lastDueAt + soloCostMs, requestedAt), requestedAt + MAX_BACKLOG_MS);
      pending.push({ key, resolve, dueAt: Math.min(lastDueAt, requestedAt + MAX_WAIT_MS) });
      // Reads requested in the same turn of the event loop share a batch.
      if (isFlushScheduled || (pending.length > 1 && pending.length < maxBatchSize())) return;
      isFlushScheduled = true;
      setImmediate(flushDue);
    });
}
