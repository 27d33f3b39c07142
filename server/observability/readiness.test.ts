import { decideReadiness, type ReadinessChecks } from './readiness.ts';

const ALL_PASSING: ReadinessChecks = {
  not_draining: true,
  registry_feed: true,
  sessions_feed: true,
  upstream: true,
  gate_access: true,
  user_access: true,
};

test('is ready when all checks pass', () => {
  expect(decideReadiness(ALL_PASSING)).toEqual({ status: 200, body: { status: 'ready', checks: ALL_PASSING } });
});

test.each(Object.keys(ALL_PASSING))('is not ready without %s, with a CouchDB error and a readable reason', (check) => {
  const checks = { ...ALL_PASSING, [check]: false };
  expect(decideReadiness(checks)).toEqual({
    status: 503,
    body: { error: 'not_ready', reason: expect.stringMatching(/^The [^:/0-9]+\.$/) as string, checks },
  });
});
