import type { ServerResponse } from 'node:http';
import { badRequest, sendJson } from '../../http/errors.ts';
import { formatSequence, readChanges, type Changes, type ChangesOptions } from './changes.ts';
import type { EngineDatabase } from './database.ts';
import type { ChangeRow, Json } from './pouchdb.ts';
import { count } from './request.ts';

/** CouchDB's default for both a heartbeat that is only `true` and a feed without one. In ms. */
const DEFAULT_WAIT_MS = 60_000;

/** Answers `_changes` in the feed mode that the query asks for; resolves when the answer is over or its client gone. */
export async function answerChanges(
  database: EngineDatabase,
  options: ChangesOptions,
  query: ReadonlyMap<string, string>,
  response: ServerResponse,
): Promise<void> {
  const since = options.since === 'now' ? Number((await database.pouch.info()).update_seq) : options.since;
  switch (query.get('feed') ?? 'normal') {
    case 'normal': {
      const { rows, lastSequence } = await readChanges(database, options, since);
      sendJson(response, 200, { results: rows.map(present), last_seq: formatSequence(lastSequence), pending: 0 });
      return;
    }
    case 'longpoll':
      await follow(database, options, since, response, waitOf(query), longpoll);
      return;
    case 'continuous':
    case 'live':
      await follow(database, options, since, response, waitOf(query), continuous);
      return;
    default:
      throw badRequest('Supported `feed` types: normal, continuous, live, longpoll.');
  }
}

/** How a live feed is written. `rows` says whether the feed goes on after them. */
interface Style {
  readonly head: string;
  rows(rows: readonly ChangeRow[], lastSequence: number): { text: string; goesOn: boolean };
  end(lastSequence: number): string;
}

const last = (sequence: number): string => `"last_seq":${JSON.stringify(formatSequence(sequence))},"pending":0}\n`;

const continuous: Style = {
  head: '',
  rows: (rows) => ({ text: rows.map((row) => `${JSON.stringify(present(row))}\n`).join(''), goesOn: true }),
  end: (sequence) => `{${last(sequence)}`,
};

const longpoll: Style = {
  head: '{"results":[\n',
  rows: (rows, sequence) => ({
    text: `${rows.map((row) => JSON.stringify(present(row))).join(',\n')}\n],\n${last(sequence)}`,
    goesOn: false,
  }),
  end: (sequence) => `],\n${last(sequence)}`,
};

interface Wait {
  readonly heartbeat: number | undefined;
  readonly timeout: number;
}

function waitOf(query: ReadonlyMap<string, string>): Wait {
  const heartbeat = query.get('heartbeat') === 'true' ? DEFAULT_WAIT_MS : count(query, 'heartbeat');
  const timeout = Math.min(count(query, 'timeout') ?? DEFAULT_WAIT_MS, DEFAULT_WAIT_MS);
  return { heartbeat: heartbeat === undefined ? undefined : Math.max(heartbeat, 1), timeout };
}

async function follow(
  database: EngineDatabase,
  options: ChangesOptions,
  from: number,
  response: ServerResponse,
  wait: Wait,
  style: Style,
): Promise<void> {
  const bell = createBell();
  const unfollow = database.follow(bell.ring);
  let over = false;
  const isOver = (): boolean => over || database.gone;
  const stop = (): void => {
    over = true;
    bell.ring();
  };
  response.once('close', stop);
  let timer = startTimer(wait, response, stop);
  try {
    let since = from;
    let left = options.limit ?? Number.POSITIVE_INFINITY;
    let silent = style.head === '';
    // The first read comes before the head, so that what is wrong with the request still has a status of its own.
    let changes: Changes | undefined = await readChanges(database, options, since);
    response.writeHead(200, { 'Content-Type': 'application/json', 'Cache-Control': 'no-store' });
    response.flushHeaders();
    response.write(style.head);
    for (;;) {
      changes ??= await readChanges(database, { ...options, limit: Number.isFinite(left) ? left : undefined }, since);
      since = Math.max(since, changes.lastSequence);
      if (isOver()) break;
      if (changes.rows.length > 0) {
        const { text, goesOn } = style.rows(changes.rows, since);
        response.write(text);
        silent = false;
        if (!goesOn) return;
        left -= changes.rows.length;
        if (left <= 0) break;
        timer.stop();
        timer = startTimer(wait, response, stop);
      }
      changes = undefined;
      // CouchDB says at once that it waits, when it has said nothing yet (chttpd_db.erl, waiting_for_updates).
      if (silent) response.write('\n');
      silent = false;
      await bell.rung();
      if (isOver()) break;
    }
    response.write(style.end(since));
  } finally {
    timer.stop();
    unfollow();
    response.removeListener('close', stop);
    response.end();
  }
}

function startTimer({ heartbeat, timeout }: Wait, response: ServerResponse, stop: () => void): { stop: () => void } {
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
function createBell(): { ring: () => void; rung: () => Promise<void> } {
  let isRung = false;
  let heard: (() => void) | undefined;
  return {
    ring() {
      isRung = true;
      heard?.();
    },
    async rung() {
      if (!isRung) await new Promise<void>((resolve) => (heard = resolve));
      isRung = false;
      heard = undefined;
    },
  };
}

const present = ({ seq, id, changes, deleted, doc }: ChangeRow): Json => ({
  seq: formatSequence(seq),
  id,
  changes: changes.map(({ rev }) => ({ rev })),
  ...(deleted === true ? { deleted: true } : {}),
  ...(doc === undefined ? {} : { doc }),
});
