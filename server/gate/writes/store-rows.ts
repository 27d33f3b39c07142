import type { ServerResponse } from 'node:http';
import type { Caller } from '../../http/caller.ts';
import { requestContext } from '../../http/request-context.ts';
import type { JsonObject } from '../../lib/json.ts';
import { unexpectedResponse } from '../../upstream/upstream-error.ts';
import { requestUpstream, runSteps, runTurn, type GateContext } from '../context.ts';
import { readLeaves } from '../stored-revisions.ts';
import { editsResponse, replicatedResponse, type BulkDocsRequest } from './bulk-docs.ts';
import { parseTree, type DocumentTree } from './document-tree.ts';
import { decideEdits } from './decide-edits.ts';
import { decideRows } from './decide-rows.ts';
import {
  parseEditRow,
  parseReplicatedRow,
  parseRows,
  type EditRow,
  type Refusal,
  type ReplicatedRow,
} from './parse-row.ts';
import { countRejections, type RowKind } from './rejection-counts.ts';
import type { RowVerdict } from './row-verdict.ts';

/** A request to write, with the response that it is sent for. */
export interface WriteExchange {
  readonly context: GateContext;
  readonly caller: Caller;
  readonly res: ServerResponse;
}

/**
 * The only way in which the gate stores a user's revisions. Every row is parsed and checked against the current revision
 * tree, and only accepted rows are sent: CouchDB silently drops a valid revision whose child in the same batch it refuses.
 * Resolves with a row for each refused row, and with `newEdits` also for each stored one, in order.
 */
export async function storeRows(
  exchange: WriteExchange,
  { rows, newEdits }: BulkDocsRequest,
): Promise<readonly JsonObject[]> {
  const { context, caller } = exchange;
  const rules = { ownId: caller.ownId, readDocument: context.readDocument };
  return newEdits
    ? storeEdits(exchange, await runSteps(context, caller, parseRows(rows, rules, parseEditRow)))
    : storeReplicated(exchange, await runSteps(context, caller, parseRows(rows, rules, parseReplicatedRow)));
}

/** Calls `work` with the current revision tree. Writes of one user in this process run one at a time. */
async function withTree<T>(
  { context, caller, res }: WriteExchange,
  work: (tree: DocumentTree) => Promise<T>,
): Promise<T> {
  return context.writeQueue.run(caller.ownId, async () => {
    const leaves = await readLeaves(context, caller, res);
    return work(await runTurn(context, caller, () => parseTree(leaves, context.readDocument)));
  });
}

async function storeEdits(
  exchange: WriteExchange,
  parsed: readonly (EditRow | Refusal)[],
): Promise<readonly JsonObject[]> {
  const { context, caller } = exchange;
  const respond = (verdicts: readonly (EditRow | Refusal)[], upstream: unknown): readonly JsonObject[] =>
    recordRejections(exchange, { parsed, verdicts, rows: editsResponse(verdicts, upstream) });
  if (parsed.every((row) => row.kind === 'refusal')) return respond(parsed, undefined);
  return withTree(exchange, async (tree) => {
    const verdicts = await runSteps(context, caller, decideEdits(parsed, tree, context.schema));
    const docs = verdicts.flatMap((verdict) => (verdict.kind === 'edit' ? [verdict.document] : []));
    return respond(verdicts, await sendBatch(exchange, docs, { docs }));
  });
}

async function storeReplicated(
  exchange: WriteExchange,
  parsed: readonly (ReplicatedRow | Refusal)[],
): Promise<readonly JsonObject[]> {
  const { context, caller } = exchange;
  const respond = (verdicts: readonly RowVerdict[], upstream: unknown): readonly JsonObject[] =>
    recordRejections(exchange, { parsed, verdicts, rows: replicatedResponse(verdicts, upstream) });
  if (parsed.every((row) => row.kind === 'refusal')) return respond(parsed, undefined);
  return withTree(exchange, async (tree) => {
    const decision = await runSteps(context, caller, decideRows(parsed, tree, context.schema));
    const { verdicts, documents: docs, current } = decision;
    const rows = respond(verdicts, await sendBatch(exchange, docs, { docs, new_edits: false }));
    const merged = verdicts.flatMap((verdict) => (verdict.kind === 'merged' ? [verdict.rev] : []));
    const isStored = !rows.some(({ rev }) => merged.some((revision) => revision === rev));
    // Without it, a device sends revisions again that change nothing.
    if (merged.length > 0 && isStored && current !== undefined)
      await context.mergedRevisions.add(caller.username, merged, current).catch(() => undefined);
    return rows;
  });
}

/** Resolves with the upstream's response; with undefined when there is nothing to send. */
async function sendBatch(
  { context, caller, res }: WriteExchange,
  docs: readonly JsonObject[],
  body: JsonObject,
): Promise<unknown> {
  if (docs.length === 0) return undefined;
  const upstream = await requestUpstream(context, caller, res, { method: 'POST', path: ['_bulk_docs'], body });
  if (upstream.status !== 201 && upstream.status !== 202)
    throw unexpectedResponse('The database did not store the batch', upstream);
  return upstream.body;
}

/** Counts the rejected rows for the log and the metrics. Returns the response's rows. */
function recordRejections(
  { caller, res }: WriteExchange,
  { parsed, verdicts, rows }: { parsed: readonly RowKind[]; verdicts: readonly RowKind[]; rows: readonly JsonObject[] },
): readonly JsonObject[] {
  requestContext(res).rejections = countRejections(caller.ownId, parsed, verdicts, rows);
  return rows;
}
