import { decideReadiness, type ReadinessChecks } from './readiness.ts';

const WELL: ReadinessChecks = { not_draining: true, registry_feed: true, sessions_feed: true, upstream: true };

test('ready is when all is well', () => {
  expect(decideReadiness(WELL)).toEqual({ status: 200, body: { status: 'ready', checks: WELL } });
});

test.each(Object.keys(WELL))(
  'without %s it is not, in the shape of an error of CouchDB, with the reason in words',
  (check) => {
    const checks = { ...WELL, [check]: false };
    expect(decideReadiness(checks)).toEqual({
      status: 503,
      body: { error: 'not_ready', reason: expect.stringMatching(/^The [^:/0-9]+\.$/) as string, checks },
    });
  },
);
