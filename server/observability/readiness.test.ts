import { decideReadiness, type ReadinessChecks } from './readiness.ts';

const ALL_PASSING: ReadinessChecks = { not_draining: true, registry_feed: true, sessions_feed: true, upstream: true };

test('ready is when all is well', () => {
  expect(decideReadiness(ALL_PASSING)).toEqual({ status: 200, body: { status: 'ready', checks: ALL_PASSING } });
});

test.each(Object.keys(ALL_PASSING))(
  'without %s it is not, in the shape of an error of CouchDB, with the reason in words',
  (check) => {
    const checks = { ...ALL_PASSING, [check]: false };
    expect(decideReadiness(checks)).toEqual({
      status: 503,
      body: { error: 'not_ready', reason: expect.stringMatching(/^The [^:/0-9]+\.$/) as string, checks },
    });
  },
);
