import { encodeSubject } from '../../../../couchdb-design/user-document/username.ts';
import { getProperty, getString, isObject, parseJson } from '../../../lib/json.ts';
import { CommandError } from '../../command-error.ts';
import type { OwnDocument } from '../generate/malformed-bodies.ts';
import type { UserNames } from '../generate/names.ts';
import type { AttackClient } from '../http/attack-client.ts';
import { headerValues, type ObservedResponse } from '../http/observed-response.ts';
import { claimsOf } from './claims.ts';

/** A user's row of `_changes`. */
export interface OwnRow {
  /** The leaves, in order. */
  readonly revisions: readonly string[];
  readonly document: OwnDocument;
}

export interface ReadOwnRowOptions {
  readonly label: 'A' | 'B';
  readonly token: string;
  readonly client: AttackClient;
  /** The path of the database. */
  readonly path: string;
  readonly idPrefix?: string;
  /** The id, once it is known. */
  readonly id?: string;
}

/**
 * Reads a user's own document, by `_changes`, which also a proxy that serves nothing else has.
 *
 * @throws {CommandError} If there is none, with what to do.
 */
export async function readOwnRow(options: ReadOwnRowOptions): Promise<{ names: UserNames; row: OwnRow }> {
  const { client, path, token, label, idPrefix = '' } = options;
  const headers = { Authorization: `Bearer ${token}` };
  const subject = encodeSubject(claimsOf(token)['sub']);
  const id = options.id ?? (subject === undefined ? undefined : idPrefix + subject);
  // A gate creates a user's document at the first request.
  if (options.id === undefined)
    checkResponse(await client.send({ method: 'GET', target: `${path}/`, headers }), options, true);
  const docIds = encodeURIComponent(JSON.stringify(id === undefined ? [] : [id]));
  const response = checkResponse(
    await client.send({
      method: 'GET',
      target: `${path}/_changes?filter=_doc_ids&doc_ids=${docIds}&style=all_docs&include_docs=true`,
      headers,
    }),
    options,
    false,
  );
  const rows = parseRows(response.body);
  const found = rows.find(({ document }) => document['_id'] === id) ?? (rows.length === 1 ? rows[0] : undefined);
  if (found === undefined)
    throw new DocumentNotFoundError(
      `The document of user ${label} was not found. Open the application once as this user, or pass the prefix of its ids with --id-prefix.`,
    );
  const foundId = String(found.document['_id']);
  const username = foundId.startsWith(idPrefix) ? foundId.slice(idPrefix.length) : foundId;
  return { names: { id: foundId, username }, row: found };
}

/** The user has no document, or no longer. */
export class DocumentNotFoundError extends CommandError {}

function parseRows(body: string): readonly OwnRow[] {
  const results = getProperty(parseJson(body), 'results');
  if (!Array.isArray(results)) return [];
  return results.flatMap((row: unknown) => {
    if (!isObject(row) || !isObject(row['doc']) || !Array.isArray(row['changes'])) return [];
    const revisions = row['changes'].map((change: unknown) => getString(change, 'rev') ?? '');
    return [{ revisions: revisions.sort(), document: row['doc'] }];
  });
}

/** Returns a successful response. `isOptional`: also a 404, which a proxy without this endpoint sends. */
function checkResponse(
  outcome: ObservedResponse | 'closed' | 'timed-out',
  { label, path }: ReadOwnRowOptions,
  isOptional: boolean,
): ObservedResponse {
  if (typeof outcome === 'string') throw new CommandError('The server closed the connection without a response.');
  const { status } = outcome;
  if (status === 200 || (isOptional && (status === 404 || status === 405))) return outcome;
  const reason = getString(parseJson(outcome.body), 'reason');
  const explanation = reason === undefined ? '.' : `: ${reason.slice(0, 200)}`;
  if (status >= 300 && status < 400)
    throw new CommandError(
      `The server redirects to ${headerValues(outcome, 'location').join() || 'another address'}. Pass the address that it redirects to.`,
    );
  if (status === 401)
    throw new CommandError(`The server refuses the token of user ${label}${explanation} Issue a new one.`);
  if (status === 404)
    throw new CommandError(`There is no database at ${path}. Pass the URL that clients replicate with.`);
  throw new CommandError(`The server responds to user ${label} with ${status}${explanation}`);
}
