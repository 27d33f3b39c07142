import { keyIdOf } from '../../../upstream/jwt-key-id.ts';
import type { Finding } from '../finding.ts';
import { evaluateDifferences } from './differences.ts';
import { evaluateConnections, evaluateDocIdsThreshold, evaluateSizeLimits } from './limits.ts';
import type { NodeSettings, Section } from './node-settings.ts';
import { evaluateSecuritySettings } from './security.ts';
import { evaluateTokenSettings } from './tokens.ts';

const SECRET = Buffer.alloc(32, 7);
const KEY = `hmac:${keyIdOf(SECRET)}`;
const VERSION = '3.4.3';
const HANDLERS =
  '{chttpd_auth, cookie_authentication_handler}, {chttpd_auth, default_authentication_handler}, {chttpd_auth, jwt_authentication_handler}';

/** A node as set-up leaves it, with other values for some settings. */
const nodeWith = (changes: Partial<Record<Section, Record<string, string>>> = {}, name = 'a@1'): NodeSettings => ({
  name,
  sections: {
    couchdb: {},
    httpd: {},
    ...changes,
    chttpd: { authentication_handlers: HANDLERS, ...changes.chttpd },
    jwt_auth: { required_claims: 'exp', ...changes.jwt_auth },
    jwt_keys: { [KEY]: SECRET.toString('base64'), ...changes.jwt_keys },
  },
});

const evaluate = (node: NodeSettings): Finding[] => [
  ...evaluateTokenSettings(node, VERSION, SECRET),
  ...evaluateSecuritySettings(node),
  ...evaluateSizeLimits(node),
  evaluateDocIdsThreshold(node, VERSION, 250),
  evaluateConnections(node),
];
const errorsOf = (node: NodeSettings): string[] =>
  evaluate(node).flatMap(({ check, state, sentence }) => (state === 'wrong' ? [`${check}: ${sentence}`] : []));

test('finds nothing wrong with the settings that set-up leaves', () => {
  expect(evaluate(nodeWith()).filter(({ state }) => state !== 'good')).toEqual([]);
});

test.each<[Section, string, string, string]>([
  ['couchdb', 'max_document_size', '65535', 'document size: [couchdb] max_document_size is 65535 bytes on a@1'],
  ['chttpd', 'max_http_request_size', '1000000', 'request size: [chttpd] max_http_request_size is 1000000 bytes'],
  ['httpd', 'max_http_request_size', '1000000', 'request size: [httpd] max_http_request_size is 1000000 bytes'],
  ['couchdb', 'changes_doc_ids_optimization_threshold', '10', 'Set COUCHDB_DOC_IDS_THRESHOLD=10 for the gates'],
  ['couchdb', 'changes_doc_ids_optimization_threshold', '0', "for every read of a user's state. Remove the setting."],
  ['couchdb', 'default_security', 'everyone', 'new databases: [couchdb] default_security is everyone on a@1'],
  ['couchdb', 'users_db_security_editable', 'true', 'settings: [couchdb] users_db_security_editable is true on a@1'],
  ['jwt_auth', 'required_claims', 'exp, {iss, "x"}', 'required claims: [jwt_auth] required_claims on a@1 is'],
  ['jwt_auth', 'required_claims', '', 'so CouchDB accepts expired tokens. Set it to exp.'],
  ['jwt_auth', 'roles_claim_name', 'roles', 'roles claim: [jwt_auth] roles_claim_name on a@1 is "roles"'],
  ['jwt_auth', 'roles_claim_path', '_couchdb.roles', 'roles claim: [jwt_auth] roles_claim_path on a@1'],
  ['jwt_keys', KEY, 'b3RoZXI=', `key on node: a@1 does not have the key ${KEY}`],
  ['chttpd', 'authentication_handlers', '{chttpd_auth, default_authentication_handler}', 'JWT handler: '],
  ['chttpd', 'authentication_handlers', '{chttpd_auth, jwt_authentication_handler}', 'password handler: '],
  ['chttpd', 'max_connections', '20', 'connections: a@1 accepts 20 connections'],
])('reports [%s] %s = %s', (section, key, value, excerpt) => {
  expect(errorsOf(nodeWith({ [section]: { [key]: value } }))).toEqual([expect.stringContaining(excerpt)]);
});

test.each<[Section, string, string]>([
  ['couchdb', 'max_document_size', '8000000'],
  ['couchdb', 'max_document_size', 'large'],
  ['couchdb', 'changes_doc_ids_optimization_threshold', '250'],
  ['couchdb', 'changes_doc_ids_optimization_threshold', 'many'],
  ['couchdb', 'default_security', 'admin_local'],
  ['jwt_auth', 'required_claims', 'kid, exp'],
  ['jwt_auth', 'roles_claim_name', '_couchdb.roles'],
  ['jwt_auth', 'roles_claim_path', '_couchdb\\.roles'],
  ['chttpd', 'max_http_request_size', '67108864'],
])('accepts [%s] %s = %s', (section, key, value) => {
  expect(errorsOf(nodeWith({ [section]: { [key]: value } }))).toEqual([]);
});

test('accepts a lowered threshold that the gates know', () => {
  const node = nodeWith({ couchdb: { changes_doc_ids_optimization_threshold: '10' } });
  expect(evaluateDocIdsThreshold(node, VERSION, 10).state).toBe('good');
  expect(evaluateDocIdsThreshold(nodeWith(), '3.3.3', 100).state).toBe('good');
  expect(evaluateDocIdsThreshold(nodeWith(), '3.3.3', 250).state).toBe('wrong');
});

test('mentions further keys, ours and others, without a secret', () => {
  const others = { 'hmac:pouchgate-01234567': 'b2xk', 'hmac:_default': 'bW9yZQ==' };
  const notes = evaluate(nodeWith({ jwt_keys: others })).filter(({ state }) => state !== 'good');
  expect(notes).toEqual([
    { check: 'old keys', state: 'told', sentence: expect.stringContaining('hmac:pouchgate-01234567') as string },
    { check: 'other keys', state: 'told', sentence: expect.stringContaining('hmac:_default') as string },
  ]);
  expect(JSON.stringify(notes)).not.toMatch(/b2xk|bW9yZQ/);
});

test('names the settings in which the nodes of a cluster differ, and no value', () => {
  expect(evaluateDifferences([nodeWith()])).toEqual([]);
  expect(evaluateDifferences([nodeWith(), nodeWith({}, 'b@2')])).toMatchObject([{ state: 'good' }]);
  const other = nodeWith(
    { couchdb: { max_document_size: '9000000' }, jwt_keys: { 'hmac:pouchgate-01234567': 'c2VjcmV0' } },
    'b@2',
  );
  const findings = evaluateDifferences([nodeWith(), other]);
  expect(findings).toMatchObject([{ check: 'node differences', state: 'wrong' }]);
  expect(findings[0]?.sentence).toContain(
    'differ in [couchdb] max_document_size, [jwt_keys] hmac:pouchgate-01234567, so',
  );
  expect(JSON.stringify(findings)).not.toContain('c2VjcmV0');
});
