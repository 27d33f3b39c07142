import { TOKEN_REFUSAL_CODES } from '../contract.ts';
import { tokenRefusal } from './token-refusal.ts';

test.each(TOKEN_REFUSAL_CODES)('%s has a reason that says what to do, in the characters of RFC 6750', (code) => {
  const { status, body, headers } = tokenRefusal(code);
  expect([status, body.error, body.code]).toEqual([401, 'unauthorized', code]);
  // error_description: %x20-21 / %x23-5B / %x5D-7E.
  expect(body.reason).toMatch(/^[\x20-\x21\x23-\x5B\x5D-\x7E]{20,200}\.$/);
  expect(headers['WWW-Authenticate']).toBe(
    code === 'token-missing' ? 'Bearer' : `Bearer error="invalid_token", error_description="${body.reason}"`,
  );
});
