import { createTrust, DEFAULT_TRUSTED_PROXIES, parseTrustedProxies, withoutPort } from './trusted-proxies.ts';

test.each<[string, readonly string[] | undefined]>([
  ['10.0.0.5', ['10.0.0.5']],
  [' loopback , 10.0.0.0/8,fd00::/8 ', ['loopback', '10.0.0.0/8', 'fd00::/8']],
  ['::ffff:10.0.0.5', ['::ffff:10.0.0.5']],
  ['10.0.0.5,10.0.0.5', ['10.0.0.5']],
  ['10.0.0.0/255.255.255.0', ['10.0.0.0/255.255.255.0']],
  ['', undefined],
  ['10.0.0.5,', undefined],
  ['10', undefined],
  ['0x7f.1', undefined],
  ['10.0.0.5/33', undefined],
  ['10.0.0.5/8/8', undefined],
  ['10.0.0.5/x', undefined],
  ['fd00::/129', undefined],
  ['0.0.0.0/0', undefined],
  ['::/0', undefined],
  ['uniquelocal', undefined],
  ['proxy.example', undefined],
  ['*', undefined],
])('the list %j is parsed as %j', (text, proxies) => {
  expect(parseTrustedProxies(text)).toEqual(proxies);
});

test('by default only loopback is trusted, in each notation', () => {
  const trusts = createTrust(DEFAULT_TRUSTED_PROXIES);
  for (const address of ['127.0.0.1', '127.8.8.8', '::1', '::ffff:127.0.0.1', '127.0.0.1:50123', '[::1]:50123']) {
    expect([address, trusts(address)]).toEqual([address, true]);
  }
  const others = ['10.0.0.1', '172.17.0.2', '192.168.0.1', '169.254.1.1', 'fd00::1', 'fe80::1', '::ffff:10.0.0.1'];
  for (const address of [...others, '203.0.113.9', '2001:db8::1', 'unknown', '', '_hidden', '127.0.0.1, 127.0.0.1']) {
    expect([address, trusts(address)]).toEqual([address, false]);
  }
});

test('of a long list of trusted addresses only as many as there may be proxies are compared', () => {
  const trusts = createTrust(DEFAULT_TRUSTED_PROXIES);
  expect([0, 15, 16, 1_600].map((hop) => trusts('127.0.0.1', hop))).toEqual([true, true, false, false]);
});

test('a list replaces the default, and its IPv4 entries also match IPv4-mapped addresses', () => {
  const trusts = createTrust(['10.0.0.0/30', '::ffff:192.0.2.7', 'fd00:1::/64']);
  for (const address of ['10.0.0.3', '::ffff:10.0.0.3', '192.0.2.7', '::ffff:192.0.2.7', 'fd00:1::9']) {
    expect([address, trusts(address)]).toEqual([address, true]);
  }
  for (const address of ['127.0.0.1', '10.0.0.4', '::ffff:10.0.0.4', '192.0.2.8', 'fd00:2::9']) {
    expect([address, trusts(address)]).toEqual([address, false]);
  }
});

test.each([
  ['192.0.2.1:50123', '192.0.2.1'],
  ['[2001:db8::1]:50123', '2001:db8::1'],
  ['[2001:db8::1]', '2001:db8::1'],
  ['2001:db8::1', '2001:db8::1'],
  ['192.0.2.1', '192.0.2.1'],
  ['unknown:1', 'unknown:1'],
])('%s without a port is %s', (text, address) => {
  expect(withoutPort(text)).toBe(address);
});
