import { decideReadiness, type ReadinessChecks, type ReadinessNotices } from './readiness.ts';

const ALL_PASSING: ReadinessChecks = {
  not_draining: true,
  registry_feed: true,
  sessions_feed: true,
  upstream: true,
  gate_access: true,
  user_access: true,
};

const NO_NOTICES: ReadinessNotices = { clocksDiffer: false, activeLimits: [] };

test('is ready when all checks pass', () => {
  expect(decideReadiness(ALL_PASSING, NO_NOTICES)).toEqual({
    status: 200,
    body: { status: 'ready', checks: ALL_PASSING },
  });
});

test.each(Object.keys(ALL_PASSING))('is not ready without %s, with a CouchDB error and a readable reason', (check) => {
  const checks = { ...ALL_PASSING, [check]: false };
  expect(decideReadiness(checks, NO_NOTICES)).toEqual({
    status: 503,
    body: { error: 'not_ready', reason: expect.stringMatching(/^The [^:/0-9]+\.$/) as string, checks },
  });
});

test('clocks that differ are a warning: the gate serves, and dates edits correctly', () => {
  const warnings = ['The clocks of the gate and of the database differ by more than a minute.'];
  const notices = { ...NO_NOTICES, clocksDiffer: true };
  expect(decideReadiness(ALL_PASSING, notices)).toEqual({
    status: 200,
    body: { status: 'ready', checks: ALL_PASSING, warnings },
  });
  const checks = { ...ALL_PASSING, registry_feed: false };
  expect(decideReadiness(checks, notices)).toMatchObject({
    status: 503,
    body: { error: 'not_ready', checks, warnings },
  });
});

test('names the limits in action, whether it is ready or not', () => {
  const notices = { ...NO_NOTICES, activeLimits: ['user_requests', 'rate_limit'] as const };
  expect(decideReadiness(ALL_PASSING, notices)).toMatchObject({ status: 200, body: { limits: notices.activeLimits } });
  const checks = { ...ALL_PASSING, upstream: false };
  expect(decideReadiness(checks, notices)).toMatchObject({ status: 503, body: { limits: notices.activeLimits } });
});
