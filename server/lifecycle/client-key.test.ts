import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { createClientKey } from './client-key.ts';

const keyOf = createClientKey(
  (authorization) => (authorization === 'Bearer of-alice' ? 'alice' : undefined),
  (req) => String(req.headers['x-address']),
);
const request = (headers: Record<string, string>): IncomingMessage => {
  const req = new IncomingMessage(new Socket());
  Object.assign(req.headers, headers);
  return req;
};

it('a user with a verified token has a share of their own, whatever the address', () => {
  const [first, second] = ['a', 'b'].map((address) =>
    keyOf(request({ authorization: 'Bearer of-alice', 'x-address': address })),
  );
  expect(first).toBe(second);
});

it('everyone else shares with their address, and no token makes up a share', () => {
  const anonymous = keyOf(request({ 'x-address': 'a' }));
  for (const authorization of ['Bearer invented', 'Bearer of-alicE', 'alice'])
    expect(keyOf(request({ authorization, 'x-address': 'a' }))).toBe(anonymous);
  expect(keyOf(request({ 'x-address': 'b' }))).not.toBe(anonymous);
  // An address in X-Forwarded-For of a trusted proxy is an address, whatever its text.
  expect(keyOf(request({ 'x-address': 'alice' }))).not.toBe(keyOf(request({ authorization: 'Bearer of-alice' })));
});
