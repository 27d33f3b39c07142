import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { addressKey, createClientAddress } from './client-address.ts';
import { createTrust } from './trusted-proxies.ts';

const clientAddress = createClientAddress(createTrust(['10.0.0.0/8']));

/** Returns the key of a request from `peer`. */
function keyOf(peer: string, forwardedFor?: string): string {
  const socket = Object.defineProperty(new Socket(), 'remoteAddress', { value: peer });
  const req = new IncomingMessage(socket);
  if (forwardedFor !== undefined) req.headers['x-forwarded-for'] = forwardedFor;
  return clientAddress(req);
}

it('the client is the peer, or the last address that a trusted proxy has forwarded', () => {
  expect(keyOf('192.0.2.1')).toBe('192.0.2.1');
  expect(keyOf('192.0.2.1', '203.0.113.9')).toBe('192.0.2.1');
  expect(keyOf('10.0.0.1', '203.0.113.9, 192.0.2.7')).toBe('192.0.2.7');
  expect(keyOf('10.0.0.1', '203.0.113.9, 192.0.2.7, 10.0.0.2')).toBe('192.0.2.7');
  expect(keyOf('10.0.0.1')).toBe('10.0.0.1');
  // The same from the cache.
  expect(keyOf('10.0.0.1', '203.0.113.9, 192.0.2.7')).toBe('192.0.2.7');
  expect(keyOf('192.0.2.1', '203.0.113.9')).toBe('192.0.2.1');
});

it('all addresses of a /64 network are one client, and so are all texts that are not addresses', () => {
  expect(addressKey('2001:db8:0:1::1')).toBe(addressKey('2001:db8:0:1:ffff::2'));
  expect(addressKey('2001:db8:0:1::1')).not.toBe(addressKey('2001:db8:0:2::1'));
  expect(addressKey('[2001:db8:0:1::1]:50123')).toBe(addressKey('2001:db8:0:1::1'));
  expect(addressKey('::ffff:192.0.2.1')).toBe(addressKey('192.0.2.1'));
  expect(addressKey('192.0.2.1:50123')).toBe('192.0.2.1');
  expect([keyOf('10.0.0.1', 'first text'), keyOf('10.0.0.1', 'second text')]).toEqual(['unknown', 'unknown']);
});

it('a long header is parsed like a short one', () => {
  const many = Array.from({ length: 100 }, (_, n) => `203.0.113.${n}`).join(', ');
  for (let n = 0; n < 2; n += 1) expect(keyOf('10.0.0.1', `${many}, 192.0.2.7`)).toBe('192.0.2.7');
});
