import { IncomingMessage } from 'node:http';
import { Socket } from 'node:net';
import { HealthChecks } from './health-checks.ts';

const request = (url: string): IncomingMessage => Object.assign(new IncomingMessage(new Socket()), { url });
const [alive, ready] = [request('/healthz'), request('/readyz')];
const count = (checks: HealthChecks, times: number, client: string, now: number): number =>
  Array.from({ length: times }, () => checks.mayBypass(alive, client, now)).filter(Boolean).length;

it('lets only health checks bypass', () => {
  const checks = new HealthChecks();
  expect([alive, ready].map((req) => checks.mayBypass(req, 'a', 0))).toEqual([true, true]);
  for (const url of ['/', '/healthz/', '/healthz?x', '/sync/healthz'])
    expect(checks.mayBypass(request(url), 'a', 0)).toBe(false);
});

it('limits each client to 32 per second, so that one client does not use up the limit of all', () => {
  const checks = new HealthChecks();
  expect([count(checks, 1_000, 'flood', 0), count(checks, 3, 'supervisor', 500)]).toEqual([32, 3]);
  expect(count(checks, 1_000, 'flood', 999)).toBe(0);
  expect(count(checks, 1_000, 'flood', 1_000)).toBe(32);
});

it('limits all clients to 128 per second', () => {
  const checks = new HealthChecks();
  const bypasses = Array.from({ length: 100 }, (_, n) => count(checks, 2, `client ${n}`, 0));
  expect(bypasses.reduce((sum, each) => sum + each, 0)).toBe(128);
});
