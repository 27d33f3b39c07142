import fc from 'fast-check';
import { findSecretField } from '../../../couchdb-design/user-document/secret-fields.ts';
import { redactSecrets } from './redact.ts';

/** As CouchDB 3.4.3 stores one, and as 2 and 1 did. */
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

test('an account keeps what is about the person, and nothing of its password', () => {
  const { value, withheld } = redactSecrets(ACCOUNT);
  const { _id, name, type, roles, email } = ACCOUNT;
  expect(value).toEqual({ _id, name, type, roles, email });
  expect([...withheld].sort()).toEqual(
    ['derived_key', 'iterations', 'password_scheme', 'password_sha', 'pbkdf2_prf', 'salt'].sort(),
  );
});

test('a field that is left out is named, wherever it is, and the rest is as it was', () => {
  expect(redactSecrets([{ a: [{ apiToken: 'x', b: 1 }] }])).toEqual({
    value: [{ a: [{ b: 1 }] }],
    withheld: ['0.a.0.apiToken'],
  });
});

test('nothing that looks like a secret is left in anything, and what has none is left as it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.constantFrom('salt', 'refreshToken', 'PASSWORD', 'x'), (inner, key) => {
      const { value, withheld } = redactSecrets({ [key]: inner, list: [{ [key]: inner }], inner });
      expect(findSecretField(value)).toBeUndefined();
      if (withheld.length === 0) expect(value).toEqual({ [key]: inner, list: [{ [key]: inner }], inner });
    }),
  );
});
