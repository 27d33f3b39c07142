import type { ServerResponse } from 'node:http';
import { isOld } from '../../../couchdb-design/user-document/migrate-user-document.ts';
import { badGateway, missing, sendJson } from '../../http/errors.ts';
import type { Caller } from '../../http/caller.ts';
import { bulkGetAnswer, bulkGetBody, bulkGetResults, documentsIn, parseBulkGet, type OwnRow } from './bulk-get.ts';
import { ask, currentState, type GateContext } from '../context.ts';
import { databaseInfo } from './database-info.ts';
import { documentAnswer, documentsTold, parseDocumentQuery } from './document.ts';
import { inParts } from './chunked-request.ts';
import { isObject, textMember } from '../../lib/json.ts';
import { acceptsMultipart, sendMultipart } from './multipart.ts';
import type { Query } from '../request/query.ts';
import { parseRevsDiff, revsDiffAnswer } from './revs-diff.ts';

/** `GET ./` */
export async function handleInfo(
  context: GateContext,
  caller: Caller,
  database: string,
  res: ServerResponse,
): Promise<void> {
  sendJson(res, 200, databaseInfo(database, await currentState(context, caller)));
}

/** `GET <id>`: any other document than the own is missing, whatever it is, and without asking upstream. */
export async function handleGet(
  context: GateContext,
  caller: Caller,
  { id, query, accept }: { readonly id: string; readonly query: Query; readonly accept: string | undefined },
  res: ServerResponse,
): Promise<void> {
  if (id !== caller.ownId) throw missing();
  const built = parseDocumentQuery(query);
  const read = { method: 'GET', path: [caller.ownId], query: built } as const;
  let answer = await ask(context, caller, res, read);
  if (answer.status === 404 && textMember(answer.body, 'reason') === 'missing') {
    await context.provision(caller.username);
    answer = await ask(context, caller, res, read);
  }
  const told = documentAnswer(answer.status, answer.body, caller.ownId);
  check(context, caller, documentsTold(told));
  if (Array.isArray(told) && acceptsMultipart(accept)) {
    sendMultipart(res, told);
    return;
  }
  const rev = isObject(told) ? textMember(told, '_rev') : undefined;
  if (rev !== undefined) res.setHeader('ETag', `"${rev}"`);
  sendJson(res, 200, told);
}

/** `POST _bulk_get?revs=true&latest=true` */
export async function handleBulkGet(
  context: GateContext,
  caller: Caller,
  query: Query,
  body: unknown,
  res: ServerResponse,
): Promise<void> {
  const rows = parseBulkGet(body, caller.ownId);
  const flags = ['revs', 'latest'].filter((flag) => query.flag(flag));
  const built = Object.fromEntries(flags.map((flag) => [flag, 'true']));
  const own = rows.filter((row) => row.kind === 'own');
  const askPart = async (part: readonly OwnRow[]): Promise<readonly unknown[]> => {
    const request = { method: 'POST', path: ['_bulk_get'], query: built, body: bulkGetBody(part) } as const;
    const { status, body: told } = await ask(context, caller, res, request);
    if (status !== 200) throw badGateway(`The database did not answer _bulk_get (status ${status}).`);
    return bulkGetResults(told, part.length);
  };
  const told = bulkGetAnswer(rows, caller.ownId, await inParts(own, askPart, documentsIn));
  check(
    context,
    caller,
    told.results.flatMap(({ docs }) => docs.map(({ ok }) => ok)),
  );
  sendJson(res, 200, told);
}

/** Looks at the bodies that are to be told. Throws 403 when one must not be. */
function check({ secrets, upgrade }: GateContext, caller: Caller, bodies: readonly unknown[]): void {
  secrets.check(bodies, caller);
  // It is told as it is; the one of today's version follows by the feed.
  if (bodies.some((body) => isObject(body) && isOld(body))) void upgrade(caller.username);
}

/** `POST _revs_diff` */
export async function handleRevsDiff(
  context: GateContext,
  caller: Caller,
  body: unknown,
  res: ServerResponse,
): Promise<void> {
  const request = parseRevsDiff(body, caller.ownId);
  let upstream: unknown;
  if (request.own.length > 0) {
    const asked = { [caller.ownId]: request.own };
    const answer = await ask(context, caller, res, { method: 'POST', path: ['_revs_diff'], body: asked });
    if (answer.status !== 200) throw badGateway(`The database did not answer _revs_diff (status ${answer.status}).`);
    upstream = answer.body;
  }
  sendJson(res, 200, revsDiffAnswer(request, caller.ownId, upstream));
}
