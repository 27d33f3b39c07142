import { evaluateRequiredClaims } from './required-claims.ts';

test.each([
  [undefined, '3.4.3', true, undefined],
  [undefined, '3.2.2', false, undefined],
  ['exp', '3.0.0', true, undefined],
  [' exp , kid', '3.4.3', true, undefined],
  ['', '3.4.3', false, undefined],
  ['kid', '3.4.3', false, undefined],
  ['exp, nbf', '3.4.3', true, "the gates' tokens have no nbf"],
  ['exp, {iss, "https://example.org"}', '3.4.3', true, "the gates' tokens have no iss"],
  ['iat, {iss, "x"}', '3.4.3', false, "the gates' tokens have no iat, iss"],
  // CouchDB rejects unknown checks, and those that occur twice.
  ['exp, sub', '3.4.3', true, "the gates' tokens have no sub"],
  ['exp, exp', '3.4.3', true, 'a claim occurs twice'],
  ['42', '3.4.3', false, 'it is not a list of claims'],
])('required_claims of %s on CouchDB %s', (text, version, hasExpiry, rejection) => {
  expect(evaluateRequiredClaims(text, version)).toEqual({ hasExpiry, rejection });
});
