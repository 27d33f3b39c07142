import fc from 'fast-check';
import { addJwtHandler, hasJwtHandler, isValidHandlerList, JWT_HANDLER } from './auth-handlers.ts';
import { planSetup } from './plan.ts';
import {
  anyHandlers,
  applySteps,
  KEY,
  NEW_KEY,
  plannedSteps,
  readAnyCase,
  SECRET,
  type SetupCase,
} from './testing/setup-cases.ts';

let anyCase: fc.Arbitrary<SetupCase>;
beforeAll(async () => {
  anyCase = await readAnyCase();
});

test("removes only Pouchgate's keys, as the last steps", () => {
  fc.assert(
    fc.property(anyCase, (one) => {
      const steps = plannedSteps(one);
      const removed = steps.filter((step) => step.kind === 'delete-config');
      for (const { setting } of removed) expect(setting.key).toMatch(/^hmac:pouchgate-[0-9a-f]{8}$/);
      for (const { setting } of removed) expect(setting.key).not.toBe(KEY);
      expect(steps.slice(steps.length - removed.length)).toEqual(removed);
    }),
  );
});

const withAllowed = (one: SetupCase, allowed: object) => ({
  ...one,
  desired: { ...one.desired, jwtSecret: SECRET, allowed: { ...one.desired.allowed, ...allowed } },
});

test('keeps the given key on every node when another one is created beside it', () => {
  fc.assert(
    fc.property(anyCase, (one) => {
      const rotation = withAllowed(one, { newSecret: true });
      const { nodes } = applySteps(rotation);
      for (const node of nodes)
        expect(node.up && Object.keys(node.keys)).toEqual(expect.arrayContaining([KEY, NEW_KEY]));
      const { blockers } = planSetup(rotation.current, rotation.desired);
      expect(blockers).toEqual(planSetup(rotation.current, withAllowed(one, { newSecret: false }).desired).blockers);
    }),
  );
});

test('blocks set-up while a node requires claims that the tokens do not have', () => {
  fc.assert(
    fc.property(anyCase, ({ current, desired }) => {
      const isBlocked = current.nodes.some((node) => node.up && node.requiredClaims?.includes('iss') === true);
      const sentences = planSetup(current, desired).blockers.filter((blocker) => blocker.includes('required_claims'));
      expect(sentences.length > 0).toBe(isBlocked);
    }),
  );
});

test.each([
  ['3.0.0', 'backlog'],
  ['3.4.3', 'backlog'],
  ['3.5.0', 'server_options'],
  ['3.10.1', 'server_options'],
])('CouchDB %s reopens its port when %s changes', (version, by) => {
  fc.assert(
    fc.property(anyCase, ({ current, desired }) => {
      const steps = plannedSteps({ current: { ...current, version, isJwtHandlerActive: false }, desired });
      const restarts = steps.filter((step) => step.kind === 'restart-listener');
      expect(restarts).toEqual(current.nodes.map(({ name: node }) => ({ kind: 'restart-listener', node, by })));
    }),
    { numRuns: 20 },
  );
});

test('keeps the existing handlers in their order, and appends the JWT handler once', () => {
  fc.assert(
    fc.property(fc.option(anyHandlers, { nil: undefined }), (handlers) => {
      const merged = addJwtHandler(handlers);
      expect(hasJwtHandler(merged)).toBe(true);
      expect(merged.startsWith(handlers ?? '{chttpd_auth, cookie')).toBe(true);
      expect(merged.split('jwt_authentication_handler')).toHaveLength(2);
      expect(isValidHandlerList(merged)).toBe(true);
      expect(addJwtHandler(merged)).toBe(merged);
    }),
  );
  expect(addJwtHandler('{couch_httpd_auth,jwt_authentication_handler}')).not.toContain(JWT_HANDLER);
});
