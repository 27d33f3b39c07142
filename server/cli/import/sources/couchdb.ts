import { HttpError } from '../../../http/errors.ts';
import { openUpstream } from '../../../upstream/client.ts';
import { readPages, type DocumentLeaves } from '../../documents/read-pages.ts';
import type { CommandOptions } from '../../types.ts';
import { CommandError, UsageError } from '../../command-error.ts';
import type { Source, SourceDocument } from '../source.ts';

/**
 * Opens a database of a CouchDB. Reads all live leaves, so that no edit of a conflict is lost.
 *
 * @throws {UsageError} If the URL is not that of a database, or contains credentials. The message does not repeat it.
 */
export function openDatabaseSource(text: string, env: CommandOptions['env']): Source {
  const url = parseUrl(text);
  const [, prefix = '', encodedName = ''] = /^(.*)\/([^/]+)\/?$/.exec(url.pathname) ?? [];
  if (encodedName === '')
    throw new UsageError('The URL names no database. Use one like http://127.0.0.1:5984/old_users.');
  const { SOURCE_USER: username = '', SOURCE_PASSWORD: password = '' } = env;
  const upstream = openUpstream({ url: `${url.origin}${prefix}`, username, password });
  return { documents: readDatabase(upstream, decodeURIComponent(encodedName)), close: () => upstream.close() };
}

function parseUrl(text: string): URL {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || url.search !== '' || url.hash !== '')
    throw new UsageError('The URL of the source is not valid.');
  if (url.username === '' && url.password === '') return url;
  throw new UsageError('The URL of the source contains credentials. Set SOURCE_USER and SOURCE_PASSWORD instead.');
}

async function* readDatabase(
  { couch, access }: ReturnType<typeof openUpstream>,
  database: string,
): AsyncGenerator<SourceDocument> {
  try {
    for await (const page of readPages(couch, database)) yield* page.map(toSourceDocument);
  } catch (error) {
    if (!(error instanceof HttpError)) throw error;
    const { upstream: { status, reason } = {} } = error;
    const cause = status === undefined ? 'no response' : `status ${status}, ${reason ?? 'no reason given'}`;
    throw new CommandError(
      `The database ${database} at ${access.url} cannot be read (${cause}). Check the URL, SOURCE_USER and SOURCE_PASSWORD.`,
    );
  }
}

function toSourceDocument({ id, live: [winner, ...others] }: DocumentLeaves): SourceDocument {
  return { name: id, leaves: [winner.body, ...others.map(({ body }) => body)] };
}
