import type { ServerResponse } from 'node:http';
import { badRequest, sendJson } from '../../http/errors.ts';
import { formatSequence, readChanges, type Changes, type ChangesOptions } from './changes.ts';
import type { EngineDatabase } from './database.ts';
import type { ChangeRow, Json } from './pouchdb.ts';
import { parseCount } from './request.ts';

/** CouchDB's default for both a heartbeat that is only `true` and a feed without one. In ms. */
const DEFAULT_WAIT_MS = 60_000;

/** Answers `_changes` in the feed mode that the query asks for; resolves when the answer is over or its client gone. */
export async function handleChanges(
  database: EngineDatabase,
  options: ChangesOptions,
  query: ReadonlyMap<string, string>,
  response: ServerResponse,
): Promise<void> {
  const since = options.since === 'now' ? Number((await database.pouch.info()).update_seq) : options.since;
  switch (query.get('feed') ?? 'normal') {
    case 'normal': {
      const { rows, lastSequence } = await readChanges(database, options, since);
      sendJson(response, 200, { results: rows.map(formatRow), last_seq: formatSequence(lastSequence), pending: 0 });
      return;
    }
    case 'longpoll':
      await sendLiveChanges(database, options, since, response, parseTiming(query), longpoll);
      return;
    case 'continuous':
    case 'live':
      await sendLiveChanges(database, options, since, response, parseTiming(query), continuous);
      return;
    default:
      throw badRequest('Supported `feed` types: normal, continuous, live, longpoll.');
  }
}

/** How a live feed is written. `rows` says whether the feed goes on after them. */
interface FeedFormat {
  readonly head: string;
  rows(rows: readonly ChangeRow[], lastSequence: number): { text: string; continues: boolean };
  end(lastSequence: number): string;
}

const formatLastLine = (sequence: number): string =>
  `"last_seq":${JSON.stringify(formatSequence(sequence))},"pending":0}\n`;

const continuous: FeedFormat = {
  head: '',
  rows: (rows) => ({ text: rows.map((row) => `${JSON.stringify(formatRow(row))}\n`).join(''), continues: true }),
  end: (sequence) => `{${formatLastLine(sequence)}`,
};

const longpoll: FeedFormat = {
  head: '{"results":[\n',
  rows: (rows, sequence) => ({
    text: `${rows.map((row) => JSON.stringify(formatRow(row))).join(',\n')}\n],\n${formatLastLine(sequence)}`,
    continues: false,
  }),
  end: (sequence) => `],\n${formatLastLine(sequence)}`,
};

interface FeedTiming {
  readonly heartbeat: number | undefined;
  readonly timeout: number;
}

function parseTiming(query: ReadonlyMap<string, string>): FeedTiming {
  const heartbeat = query.get('heartbeat') === 'true' ? DEFAULT_WAIT_MS : parseCount(query, 'heartbeat');
  const timeout = Math.min(parseCount(query, 'timeout') ?? DEFAULT_WAIT_MS, DEFAULT_WAIT_MS);
  return { heartbeat: heartbeat === undefined ? undefined : Math.max(heartbeat, 1), timeout };
}

async function sendLiveChanges(
  database: EngineDatabase,
  options: ChangesOptions,
  from: number,
  response: ServerResponse,
  timing: FeedTiming,
  format: FeedFormat,
): Promise<void> {
  const signal = createSignal();
  const unsubscribe = database.subscribe(signal.notify);
  let isEnded = false;
  const isOver = (): boolean => isEnded || database.isDestroyed;
  const stop = (): void => {
    isEnded = true;
    signal.notify();
  };
  response.once('close', stop);
  let timer = startTimer(timing, response, stop);
  try {
    let since = from;
    let remaining = options.limit ?? Number.POSITIVE_INFINITY;
    let needsInitialNewline = format.head === '';
    // The first read comes before the head, so that what is wrong with the request still has a status of its own.
    let changes: Changes | undefined = await readChanges(database, options, since);
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.flushHeaders();
    response.write(format.head);
    for (;;) {
      changes ??= await readChanges(
        database,
        { ...options, limit: Number.isFinite(remaining) ? remaining : undefined },
        since,
      );
      since = Math.max(since, changes.lastSequence);
      if (isOver()) break;
      if (changes.rows.length > 0) {
        const { text, continues } = format.rows(changes.rows, since);
        response.write(text);
        needsInitialNewline = false;
        if (!continues) return;
        remaining -= changes.rows.length;
        if (remaining <= 0) break;
        timer.stop();
        timer = startTimer(timing, response, stop);
      }
      changes = undefined;
      // CouchDB says at once that it waits, when it has said nothing yet (chttpd_db.erl, waiting_for_updates).
      if (needsInitialNewline) response.write('\n');
      needsInitialNewline = false;
      await signal.wait();
      if (isOver()) break;
    }
    response.write(format.end(since));
  } finally {
    timer.stop();
    unsubscribe();
    response.removeListener('close', stop);
    response.end();
  }
}

function startTimer(
  { heartbeat, timeout }: FeedTiming,
  response: ServerResponse,
  stop: () => void,
): { stop: () => void } {
  if (heartbeat === undefined) {
    const timer = setTimeout(stop, timeout);
    return { stop: () => clearTimeout(timer) };
  }
  const timer = setInterval(() => {
    if (response.headersSent) response.write('\n');
  }, heartbeat);
  return { stop: () => clearInterval(timer) };
}

/** Remembers that it was rung until somebody has heard it. */
function createSignal(): { notify: () => void; wait: () => Promise<void> } {
  let isNotified = false;
  let resolveWait: (() => void) | undefined;
  return {
    notify() {
      isNotified = true;
      resolveWait?.();
    },
    async wait() {
      if (!isNotified) await new Promise<void>((resolve) => (resolveWait = resolve));
      isNotified = false;
      resolveWait = undefined;
    },
  };
}

const formatRow = ({ seq, id, changes, deleted, doc }: ChangeRow): Json => ({
  seq: formatSequence(seq),
  id,
  changes: changes.map(({ rev }) => ({ rev })),
  ...(deleted === true ? { deleted: true } : {}),
  ...(doc === undefined ? {} : { doc }),
});
