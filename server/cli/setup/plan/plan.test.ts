import fc from 'fast-check';
import { readDatabaseDesign, type DatabaseDesign } from '../../../upstream/schema/design-documents.ts';
import { contentHash, compareDesign, addContentHash } from '../../../upstream/schema/design-hash.ts';
import { ACCOUNTS_SECURITY, SESSIONS_SECURITY } from '../../../upstream/schema/security-objects.ts';
import type { CurrentState, NodeState } from '../current-state.ts';
import { describeStep } from '../steps.ts';
import { isUpToDate, planSetup } from './plan.ts';
import {
  applySteps,
  NEW_SECRET,
  plannedSteps,
  readAnyCase,
  SECRET,
  storedDesigns,
  type SetupCase,
} from './testing/setup-cases.ts';

let design: DatabaseDesign;
let anyCase: fc.Arbitrary<SetupCase>;
beforeAll(async () => {
  design = await readDatabaseDesign();
  anyCase = await readAnyCase();
});

test('a second plan has no steps', () => {
  fc.assert(
    fc.property(anyCase, ({ current, desired }) => {
      fc.pre(planSetup(current, desired).blockers.length === 0);
      const unforced = {
        ...desired,
        // A new secret replaces the given one in the environment of the next run.
        jwtSecret: desired.allowed.newSecret ? NEW_SECRET : desired.jwtSecret,
        allowed: { ...desired.allowed, newPassword: false, newSecret: false, removeOldKeys: false },
      };
      const again = planSetup(applySteps({ current, desired }), unforced);
      expect(again.items.filter(({ kind }) => kind === 'step')).toEqual([]);
      expect(again.blockers).toEqual([]);
      expect(isUpToDate(again)).toBe(true);
    }),
    { numRuns: 400 },
  );
});

test('blocks overwriting foreign content without --replace, and using other data without --adopt', () => {
  fc.assert(
    fc.property(anyCase, ({ current, desired }) => {
      const { blockers } = planSetup(current, desired);
      for (const state of [current.registry, current.sessions, current.users]) {
        if (!state.exists) continue;
        if (state.foreignDocument !== undefined && !desired.allowed.adopt) expect(blockers).not.toEqual([]);
        const named = [...state.security.admins.names, ...state.security.members.names];
        if (named.length > 0 && !desired.allowed.replace) expect(blockers).not.toEqual([]);
      }
      const stored = current.designs.get('_design/registry');
      const foreign = stored !== undefined && stored['content_hash'] !== contentHash(stored);
      if (foreign && !desired.allowed.replace) expect(blockers).not.toEqual([]);
    }),
    { numRuns: 400 },
  );
});

test('restricts a database right after creating it, and creates the account last', () => {
  fc.assert(
    fc.property(anyCase, (one) => {
      const steps = plannedSteps(one);
      steps.forEach((step, index) => {
        if (step.kind !== 'create-database') return;
        expect(steps[index + 1]).toMatchObject({ kind: 'set-security', database: step.name });
      });
      const account = steps.findIndex(({ kind }) => kind === 'create-account');
      const lastClosed = steps.findLastIndex(({ kind }) => kind === 'set-security');
      if (account >= 0) expect(account).toBeGreaterThan(lastClosed);
    }),
  );
});

test('describes no step with a secret', () => {
  fc.assert(
    fc.property(anyCase, (one) => {
      const text = plannedSteps(one).map(describeStep).join('\n');
      expect(text).not.toContain(SECRET.toString('base64'));
    }),
  );
});

test.each(['"{chttpd_auth, x}"', '{chttpd_auth, x} {chttpd_auth, y}', '{chttpd_auth}', '', 'x', '{chttpd_auth, x},'])(
  'blocks changing a list with which CouchDB cannot start: %s',
  (handlers) => {
    const node: NodeState = {
      name: 'a@1',
      up: true,
      handlers,
      requiredClaims: undefined,
      keys: {},
      docIdsThreshold: undefined,
    };
    const closed = { exists: true, partitioned: false, foreignDocument: undefined } as const;
    const current: CurrentState = {
      version: '3.4.3',
      nodes: [node],
      registry: { ...closed, security: design.security },
      sessions: { ...closed, security: SESSIONS_SECURITY },
      users: { ...closed, security: ACCOUNTS_SECURITY },
      designs: storedDesigns(design, 'current'),
      account: { exists: true, roles: ['pouchgate_service'], password: 'not-tried' },
      accountToRemove: undefined,
      isJwtHandlerActive: true,
    };
    const allowed = { replace: true, adopt: true, newPassword: false, newSecret: false, removeOldKeys: false };
    const service = { username: 'pouchgate', password: undefined };
    const names = { registry: 'user_registry', sessions: 'pouchgate_sessions', idPrefix: 'user_', admin: 'admin' };
    const { blockers } = planSetup(current, {
      ...names,
      design,
      service,
      jwtSecret: SECRET,
      accountToRemove: undefined,
      allowed,
    });
    expect(blockers).toEqual([expect.stringContaining('is not a list of {module, function}') as string]);
  },
);

test('compares design documents by content, regardless of id and revision', () => {
  const [ours] = design.designs;
  if (ours === undefined) throw new Error('There is no design document.');
  const stored = { ...addContentHash(ours), _rev: '3-abc' };
  expect(compareDesign(ours, stored)).toBe('current');
  expect(compareDesign(ours, { ...stored, language: 'erlang' })).toBe('changed-by-hand');
  expect(compareDesign(ours, { ...ours, _rev: '3-abc' })).toBe('unsealed');
  expect(compareDesign(ours, { ...addContentHash({ ...ours, views: {} }), _rev: '1-a' })).toBe('other-version');
  expect(compareDesign(ours, { _id: ours._id, _rev: '1-a' })).toBe('foreign');
  expect(compareDesign(ours, undefined)).toBe('absent');
  const anyDesign = fc.dictionary(fc.constantFrom('views', 'filters', 'language', 'x'), fc.jsonValue());
  fc.assert(
    fc.property(anyDesign, fc.string(), fc.string(), (content, id, rev) => {
      const sealed = addContentHash({ ...content, _id: '_design/a' });
      expect(contentHash({ ...sealed, _id: id, _rev: rev })).toBe(sealed.content_hash);
      const reversed = Object.fromEntries(Object.entries(content).reverse());
      expect(contentHash(reversed)).toBe(sealed.content_hash);
      expect(contentHash({ ...content, more: 1 })).not.toBe(sealed.content_hash);
    }),
  );
});
