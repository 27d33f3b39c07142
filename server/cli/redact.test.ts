import fc from 'fast-check';
import { findSecretField } from '../../couchdb-design/user-document/secret-fields.ts';
import { redactSecrets } from './redact.ts';

/** With the fields of CouchDB 3.4.3, 2 and 1. */
const ACCOUNT = {
  _id: 'org.couchdb.user:alice',
  name: 'alice',
  type: 'user',
  roles: [],
  email: 'alice@example.org',
  password_scheme: 'pbkdf2',
  pbkdf2_prf: 'sha256',
  salt: 'c28d188cc76023abea757c30a344200c',
  iterations: 600000,
  derived_key: 'b05682ea97749d5d',
  password_sha: 'b05682',
};

test('keeps an account’s personal data, and nothing of its password', () => {
  const { value, withheld } = redactSecrets(ACCOUNT);
  const { _id, name, type, roles, email } = ACCOUNT;
  expect(value).toEqual({ _id, name, type, roles, email });
  expect([...withheld].sort()).toEqual(
    ['derived_key', 'iterations', 'password_scheme', 'password_sha', 'pbkdf2_prf', 'salt'].sort(),
  );
});

test('reports the path of each field that is left out, and keeps the rest', () => {
  expect(redactSecrets([{ a: [{ apiToken: 'x', b: 1 }] }])).toEqual({
    value: [{ a: [{ b: 1 }] }],
    withheld: ['0.a.0.apiToken'],
  });
});

test('leaves no field that looks like a secret, and values without one unchanged', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('salt', 'refreshToken', 'PASSWORD', 'x'), (inner, key) => {
      const { value, withheld } = redactSecrets({ [key]: inner, list: [{ [key]: inner }], inner });
      expect(findSecretField(value)).toBeUndefined();
      if (withheld.length === 0) expect(value).toEqual({ [key]: inner, list: [{ [key]: inner }], inner });
    }),
  );
});
