import { setTimeout as delay } from 'node:timers/promises';
import { BULK_RESERVATION_TTL_MS } from '../../identity/accounts/username-reservations.ts';
import type { JsonObject } from '../../lib/json.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { inBatches } from '../read-lines.ts';
import { importBatch, type ImportItem, type ImportTarget } from './import-batch.ts';
import type { Mapping } from './mapping.ts';
import { mergeUsers, toMappedUser, type MappedUser, type MappingRules } from './mapped-user.ts';
import type { ImportRow } from './report.ts';
import type { SourceDocument } from './source.ts';

export interface ImportOptions {
  readonly documents: AsyncIterable<SourceDocument>;
  readonly mapping: Mapping;
  readonly mappingRules: MappingRules;
  readonly target: ImportTarget;
  /** Takes the row of each document. The source is not read further before it resolves. */
  readonly onRow: (row: ImportRow) => Promise<void>;
}

/** Documents in one batch, and batches at a time. Together with the size of a document they bound the memory. */
const BATCH_SIZE = 100;
const MAX_BATCHES = 2;
const MAX_REASON_LENGTH = 200;
const RETRY_DELAY_MS = 1_000;

/** Imports all documents. Rejects with an error for the operator; the next run continues. */
export async function runImport({ documents, mapping, mappingRules, target, onRow }: ImportOptions): Promise<void> {
  const running = new Set<Promise<void>>();
  const failures: unknown[] = [];
  let reserved: ImportItem[] = [];
  const importItems = async (items: readonly ImportItem[]): Promise<void> => {
    const { rows, reserved: remaining } = await importBatch(target, items);
    reserved.push(...remaining);
    for (const row of rows) await onRow(row);
  };
  for await (const batch of inBatches(documents, BATCH_SIZE)) {
    const items: ImportItem[] = [];
    for (const document of batch) {
      const item = await mapDocument(document, mapping, mappingRules);
      if ('user' in item) items.push(item);
      else await onRow(item);
    }
    const task = importItems(items)
      .catch((error: unknown) => {
        failures.push(error);
      })
      .finally(() => running.delete(task));
    running.add(task);
    if (running.size >= MAX_BATCHES) await Promise.race(running);
    if (failures.length > 0) break;
  }
  await Promise.all(running);
  if (failures.length > 0) throw failures[0];
  for (let waitedMs = 0; reserved.length > 0; waitedMs += RETRY_DELAY_MS) {
    if (waitedMs > BULK_RESERVATION_TTL_MS) {
      for (const { source } of reserved)
        await onRow({
          source,
          status: 'skipped',
          reason: 'has a name that another process is registering; run this again',
        });
      return;
    }
    await delay(RETRY_DELAY_MS);
    const items = reserved;
    reserved = [];
    await importItems(items);
  }
}

/** Maps every leaf, and merges the results: the mapping need not know about conflicts. */
async function mapDocument(
  { name, leaves }: SourceDocument,
  mapping: Mapping,
  rules: MappingRules,
): Promise<ImportItem | ImportRow> {
  const skip = (reason: string): ImportRow => ({ source: name, status: 'skipped', reason });
  if (typeof leaves === 'string') return skip(leaves);
  const [winner, ...others] = leaves;
  const user = await mapLeaf(winner, mapping, rules);
  if (user === undefined) return { source: name, status: 'ignored' };
  if (typeof user === 'string') return skip(user);
  const users: [MappedUser, ...MappedUser[]] = [user];
  for (const leaf of others) {
    const other = await mapLeaf(leaf, mapping, rules);
    if (typeof other === 'object' && other.username === user.username) users.push(other);
    else return skip('has conflicting revisions of which the mapping makes different users, or none');
  }
  return { source: name, user: mergeUsers(users), conflicts: others.length };
}

/** Resolves with the reason to skip the document as a text, and with undefined if it belongs to no user. */
async function mapLeaf(
  leaf: JsonObject,
  mapping: Mapping,
  rules: MappingRules,
): Promise<MappedUser | string | undefined> {
  try {
    const mapped = await mapping(leaf);
    return mapped === undefined || mapped === null ? undefined : toMappedUser(mapped, rules);
  } catch (error) {
    return `is skipped, because the mapping failed: ${errorMessage(error).slice(0, MAX_REASON_LENGTH)}`;
  }
}
