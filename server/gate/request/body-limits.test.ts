/** Each limit, from both sides: the largest request that an honest client sends passes, and what exceeds the limit is refused. */
import { closeAfterTests } from '../../../couchdb-design/testing/open-resources.ts';
import { startTestGate, type TestGate } from '../../testing/test-gate.ts';
import { BODY_LIMITS, MAX_BATCH_BYTES } from './body-limits.ts';

let gate: TestGate;
let user: string;
let id: string;
beforeAll(async () => {
  gate = await startTestGate();
  closeAfterTests(gate);
  user = gate.upstream.accountName('limits');
  id = `user_${user}`;
  expect((await gate.request(user, `/${id}`)).status).toBe(200);
});

const rev = (n: number, generation = 2): string => `${generation}-${n.toString(16).padStart(32, '0')}`;
const listOf = <T>(length: number, create: (n: number) => T): T[] => Array.from({ length }, (_, n) => create(n));

async function send(method: string, path: string, body: unknown): Promise<{ status: number; body: unknown }> {
  const response = await gate.request(user, path, { method, body });
  return { status: response.status, body: await response.json() };
}

const stamp = '2026-11-22T10:00:00.000Z-0000-abcde';

describe('the largest honest request passes', () => {
  it('_revs_diff of a device with 2,000 leaves', async () => {
    const own = listOf(2_000, (n) => rev(n));
    expect(await send('POST', '/_revs_diff', { [id]: own })).toMatchObject({
      status: 200,
      body: { [id]: { missing: own } },
    });
  });

  it('_revs_diff of 500 documents with long ids, as CouchDB’s replicator sends it', async () => {
    const body = Object.fromEntries(listOf(500, (n) => [`${'x'.repeat(200)}${n}`, [rev(n)]]));
    expect(await send('POST', '/_revs_diff', body)).toEqual({
      status: 200,
      body: Object.fromEntries(Object.entries(body).map(([key, missing]) => [key, { missing }])),
    });
  });

  it('_bulk_get of 1,000 leaves, and of 500 rows as CouchDB’s replicator sends them', async () => {
    const docs = listOf(1_000, (n) => ({ id: `other${n}`, rev: rev(n) }));
    expect((await send('POST', '/_bulk_get?revs=true&latest=true', { docs })).status).toBe(200);
    const rows = listOf(500, (n) => ({ id: `other${n}`, rev: rev(n), atts_since: listOf(5, (index) => rev(index)) }));
    const options = { revs: true, latest: true, attachments: true };
    expect((await send('POST', '/_bulk_get', { ...options, docs: rows })).status).toBe(200);
  });

  it('a checkpoint with 50 histories, as CouchDB’s replicator keeps them', async () => {
    const entry = (n: number): object => ({
      session_id: 'a'.repeat(32),
      start_time: 'Mon, 30 Nov 2026 12:00:00 GMT',
      end_time: 'Mon, 30 Nov 2026 12:00:00 GMT',
      start_last_seq: `${n}-${'a'.repeat(100)}`,
      end_last_seq: `${n}-${'a'.repeat(100)}`,
      recorded_seq: `${n}-${'a'.repeat(100)}`,
      missing_checked: n,
      missing_found: n,
      docs_read: n,
      docs_written: n,
      doc_write_failures: 0,
      bulk_get_docs: n,
      bulk_get_attempts: n,
    });
    const body = { session_id: 'a'.repeat(32), source_last_seq: `1-${'a'.repeat(100)}`, history: listOf(50, entry) };
    expect((await send('PUT', `/_local/${'a'.repeat(32)}`, body)).status).toBe(201);
  });

  it('_changes with the ids of 64 documents', async () => {
    const body = { doc_ids: listOf(64, (n) => `user_${'=41'.repeat(255)}:${n}`) };
    expect((await send('POST', '/_changes?filter=_doc_ids', body)).status).toBe(200);
  });

  it('a batch of 32 leaves of 64 KiB with paths of 1,000 revisions', async () => {
    const large = gate.upstream.accountName('large');
    const stored = (await (await gate.request(large, `/user_${large}`)).json()) as { readonly _rev: string };
    // As an operator may have stored it: an edit may keep them.
    const edits = Object.fromEntries(listOf(1_160, (n) => [`removed${String(n).padStart(8, '0')}`, stamp]));
    const document = { ...stored, edits };
    await gate.registry().insert(document);
    const start = 2_000;
    const docs = listOf(32, (n) => ({
      ...document,
      preferences: { theme: 'dark' },
      edits: { ...edits, theme: `2026-11-22T10:00:00.${String(n).padStart(3, '0')}Z-0000-abcde` },
      _rev: rev(n * 10_000, start),
      _revisions: { start, ids: listOf(1_000, (depth) => rev(n * 10_000 + depth).slice(2)) },
    }));
    const text = JSON.stringify({ docs, new_edits: false });
    expect(text.length).toBeGreaterThan(32 * (60_000 + 35_000));
    const response = await gate.request(large, '/_bulk_docs', { method: 'POST', body: { docs, new_edits: false } });
    expect([response.status, await response.json()]).toEqual([201, []]);
  });
});

describe('what exceeds a limit is refused before it is parsed', () => {
  const nested = (levels: number): unknown => JSON.parse('['.repeat(levels) + ']'.repeat(levels)) as unknown;
  const ENDPOINTS = [
    ['changes', 'POST', '/_changes'],
    ['bulk-get', 'POST', '/_bulk_get'],
    ['revs-diff', 'POST', '/_revs_diff'],
    ['ensure-full-commit', 'POST', '/_ensure_full_commit'],
    ['checkpoint', 'PUT', '/_local/x'],
    ['document', 'PUT', '/user_limits'],
  ] as const;

  it.each(ENDPOINTS)('%s', async (target, method, path) => {
    const { maxBytes, maxDepth, maxValues } = BODY_LIMITS[target];
    const text = { text: 'x'.repeat(maxBytes) };
    expect(await send(method, path, text)).toMatchObject({ status: 413, body: { error: 'too_large' } });
    expect(await send(method, path, { values: listOf(maxValues, () => 1) })).toMatchObject({
      status: 413,
      body: { reason: `The body has more than ${maxValues} values.` },
    });
    expect(await send(method, path, { nested: nested(maxDepth) })).toMatchObject({
      status: 400,
      body: { reason: `The body is nested more than ${maxDepth} levels deep.` },
    });
  });

  it('a batch that is too large is refused by rows', async () => {
    const docs = [{ _id: id, _rev: rev(1), text: 'x'.repeat(MAX_BATCH_BYTES) }];
    expect(await send('POST', '/_bulk_docs', { docs })).toMatchObject({
      status: 201,
      body: [{ id, rev: rev(1), error: 'forbidden' }],
    });
  });
});
