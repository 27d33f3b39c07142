import type { ServerResponse } from 'node:http';
import { badRequest, sendJson } from '../../http/errors.ts';
import { formatSequence, readChanges, type ChangesOptions } from './changes.ts';
import type { EngineDatabase } from './database.ts';
import { formatRow, LiveChanges, type FeedFormat, type FeedTiming } from './live-changes.ts';
import { parseCount } from './request.ts';

/** CouchDB's default for `heartbeat=true` and for the timeout of a feed without a heartbeat. In ms. */
const DEFAULT_WAIT_MS = 60_000;

/** Sends `_changes` in the feed mode of the query. Resolves when the response has ended or its client disconnected. */
export async function handleChanges(
  database: EngineDatabase,
  changes: ChangesOptions,
  query: ReadonlyMap<string, string>,
  response: ServerResponse,
): Promise<void> {
  const since = changes.since === 'now' ? Number((await database.pouch.info()).update_seq) : changes.since;
  const sendLive = async (format: FeedFormat): Promise<void> => {
    await new LiveChanges({ database, changes, response, timing: parseTiming(query), format }, since).send();
  };
  switch (query.get('feed') ?? 'normal') {
    case 'normal': {
      const { rows, lastSequence } = await readChanges(database, changes, since);
      sendJson(response, 200, { results: rows.map(formatRow), last_seq: formatSequence(lastSequence), pending: 0 });
      return;
    }
    case 'longpoll':
      await sendLive(longpoll);
      return;
    case 'continuous':
    case 'live':
      await sendLive(continuous);
      return;
    default:
      throw badRequest('Supported `feed` types: normal, continuous, live, longpoll.');
  }
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

function parseTiming(query: ReadonlyMap<string, string>): FeedTiming {
  const heartbeat = query.get('heartbeat') === 'true' ? DEFAULT_WAIT_MS : parseCount(query, 'heartbeat');
  const timeout = Math.min(parseCount(query, 'timeout') ?? DEFAULT_WAIT_MS, DEFAULT_WAIT_MS);
  return { heartbeat: heartbeat === undefined ? undefined : Math.max(heartbeat, 1), timeout };
}
