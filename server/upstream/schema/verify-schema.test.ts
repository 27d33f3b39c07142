import { adviseOnRejection } from './verify-schema.ts';

// The texts of CouchDB 3.4.3.
test.each([
  ['status 400, Missing iss claim', 'Set [jwt_auth] required_claims to exp on all nodes of CouchDB.'],
  ['status 400, Invalid iss claim', 'Set [jwt_auth] required_claims to exp on all nodes of CouchDB.'],
  ['status 400, Unknown kid', 'Run setup.'],
  ['status 400, Bad HMAC', 'Run setup.'],
  ['it is ignored', 'Run setup.'],
])('advises what to do about tokens that CouchDB rejects: %s', (rejection, advice) => {
  expect(adviseOnRejection(rejection, 'Run setup.')).toBe(advice);
});
