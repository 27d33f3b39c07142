import { AuthenticateError, checkAuthenticated } from './check-authenticated.ts';

const username = 'alice';
const end = Date.UTC(2040, 0);

it.each([
  [undefined, undefined],
  [null, undefined],
  [{ username, expiresAt: end }, end],
  [{ username, expiresAt: new Date(end) }, end],
  // Expired, but well-formed: the response is a 401.
  [{ username, expiresAt: 0 }, 0],
  [{ username, expiresAt: new Date(7) }, 7],
  [{ username, expiresAt: Infinity }, Infinity],
])('accepts %p', (result, expiresAt) => {
  expect(checkAuthenticated(result)?.expiresAt).toBe(expiresAt);
});

it.each([
  ['alice', 'It returned a string.'],
  [false, 'It returned a boolean.'],
  [{}, 'Its username is missing.'],
  [{ name: 'alice', expiresAt: end }, 'Its username is missing.'],
  [{ username: 7, expiresAt: end }, 'Its username is a number.'],
  [{ username: '', expiresAt: end }, 'is not a well-formed text of 1 to 255 characters.'],
  [{ username: 'a'.repeat(256), expiresAt: end }, 'is not a well-formed text of 1 to 255 characters.'],
  [{ username: '\ud800', expiresAt: end }, 'is not a well-formed text of 1 to 255 characters.'],
  [{ username }, 'Its expiresAt is missing.'],
  [{ username, expiresAt: null }, 'Its expiresAt is null.'],
  [{ username, expiresAt: '2040-01-01' }, 'Its expiresAt is a string.'],
  [{ username, expiresAt: NaN }, 'Its expiresAt is a number.'],
  [{ username, expiresAt: new Date(NaN) }, 'Its expiresAt is an invalid Date.'],
  // The `exp` of a JWT, and a duration.
  [{ username, expiresAt: end / 1000 }, 'is in the year 1970. It must be a Date or milliseconds since 1970'],
  [{ username, expiresAt: 3_600_000 }, 'Multiply seconds, such as the exp of a JWT, by 1000.'],
])('rejects %p and names the member', (result, message) => {
  expect(() => checkAuthenticated(result)).toThrow(AuthenticateError);
  expect(() => checkAuthenticated(result)).toThrow(message);
});
