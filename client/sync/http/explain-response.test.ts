import fc from 'fast-check';
import { explainResponse } from './explain-response.ts';
import { parseResponseBody } from './validate-response.ts';
import type { ConnectionReason } from '../status-reason.ts';

const EXPECTED = { store: { id: 'user_alice' }, idPrefix: 'user_' };
const explain = (status: number, text: string, endpoint = '_changes', expected = EXPECTED): ConnectionReason =>
  explainResponse({ status, text, body: parseResponseBody(text), endpoint }, expected);
const json = (error: string, reason = 'No.'): string => JSON.stringify({ error, reason });
const feedOf = (...ids: readonly unknown[]): string =>
  JSON.stringify({ results: ids.map((id) => ({ id, seq: '1-x', changes: [] })), last_seq: '1-x' });
const PAGE = '\n<!doctype html><title>Welcome</title>';

test.each<[ConnectionReason, number, string]>([
  ['server-busy', 429, json('too_many_requests')],
  ['server-busy', 503, PAGE],
  ['server-error', 500, json('internal_server_error')],
  ['server-error', 502, json('bad_gateway')],
  ['server-error', 504, PAGE],
  ['wrong-base', 500, json('wrong_base')],
  ['wrong-url', 404, json('not_found', 'missing')],
  ['wrong-url', 404, PAGE],
  ['wrong-url', 404, ''],
  ['wrong-url', 405, PAGE],
  ['wrong-database', 404, json('not_found', 'Database does not exist.')],
  ['html-page', 200, PAGE],
  ['html-page', 401, PAGE],
  ['html-page', 403, PAGE],
  ['html-page', 511, PAGE],
  ['redirected', 0, ''],
  ['redirected', 302, ''],
  ['redirected', 308, PAGE],
  ['request-rejected', 400, json('bad_request')],
  ['request-rejected', 403, json('forbidden')],
  ['request-rejected', 413, ''],
  ['invalid-response', 200, ''],
  ['invalid-response', 200, '{"results":['],
  ['invalid-response', 200, 'OK'],
  ['invalid-response', 200, '{}'],
  ['invalid-response', 200, '{"results":[null,{"id":7}],"last_seq":"0"}'],
  ['invalid-response', 200, feedOf('user_alice')],
  ['wrong-user', 200, feedOf('user_bob')],
])('%s: status %i, %j', (reason, status, text) => {
  expect(explain(status, text)).toBe(reason);
});

test('a missing document is another user’s, because the gate creates the user’s own', () => {
  expect(explain(404, json('not_found', 'missing'), 'user_alice')).toBe('wrong-user');
  expect(explain(404, PAGE, 'user_alice')).toBe('wrong-url');
});

test.each([
  ['wrong-id-prefix', 'user_', 'alice', 'settings_alice'],
  ['wrong-id-prefix', 'user_', 'alice', 'user_prefs_alice'],
  ['wrong-id-prefix', 'user_prefs_', 'alice', 'user_alice'],
  ['wrong-user', 'user_', 'ann', 'user_joann'],
  ['wrong-user', 'user_', 'alice', 'user_bob'],
  ['wrong-user', 'user_', 'alice', 'settings_bob'],
  ['wrong-user', 'user_', 'a=7Cb', 'user_A=7cb'],
])('%s: the prefix is %s, the user %s, and the server’s document %s', (reason, idPrefix, name, id) => {
  expect(explain(200, feedOf(id), '_changes', { store: { id: idPrefix + name }, idPrefix })).toBe(reason);
});

test('every response has a reason', () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 200, max: 599 }),
      fc.oneof(fc.string(), fc.json()),
      fc.constantFrom('_changes', 'user_alice'),
      (status, text, endpoint) => {
        expect(typeof explain(status, text, endpoint)).toBe('string');
      },
    ),
  );
});
