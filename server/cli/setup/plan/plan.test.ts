import fc from 'fast-check';
import { readDatabaseDesign, type DatabaseDesign } from '../../../upstream/schema/design-documents.ts';
import { contentHash, compareDesign, addContentHash } from '../../../upstream/schema/design-hash.ts';
import { keyIdOf } from '../../../upstream/jwt-key-id.ts';
import { ACCOUNTS_SECURITY, SESSIONS_SECURITY } from '../../../upstream/schema/security-objects.ts';
import { configuredDocIdsThreshold, planDocIdsThreshold } from './doc-ids-threshold.ts';
import { hasJwtHandler, isValidHandlerList, JWT_HANDLER, addJwtHandler } from './auth-handlers.ts';
import type { DatabaseState } from '../../../upstream/schema/schema-plan.ts';
import type { AccountState, NodeState, CurrentState } from '../current-state.ts';
import { isUpToDate, planSetup } from './plan.ts';
import { describeStep, type Step } from '../steps.ts';
import type { DesiredState } from '../desired-state.ts';
import { viewWarmupDesign } from '../../../upstream/schema/view-warmup-design.ts';

let design: DatabaseDesign;
beforeAll(async () => {
  design = await readDatabaseDesign();
});

const SECRET = Buffer.from('s'.repeat(40));
const KEY = `hmac:${keyIdOf(SECRET)}`;
const NEW_SECRET = Buffer.from('n'.repeat(40));
const NEW_KEY = `hmac:${keyIdOf(NEW_SECRET)}`;
const OLD_KEY = `hmac:${keyIdOf(Buffer.from('o'.repeat(40)))}`;

const anyName = fc.constantFrom('_admin', 'pouchgate_service', 'registry_user', 'reports', 'boss');
const anyPeople = fc.record({ names: fc.subarray(['boss', 'carol']), roles: fc.uniqueArray(anyName) });
const anyDatabase = fc.oneof(
  fc.constant<DatabaseState>({ exists: false }),
  fc.record({
    exists: fc.constant(true as const),
    partitioned: fc.boolean(),
    security: fc.record({ admins: anyPeople, members: anyPeople }),
    foreignDocument: fc.option(fc.constant('invoice-17'), { nil: undefined }),
  }),
);
const anyHandlers = fc
  .uniqueArray(fc.constantFrom('cookie', 'default', 'jwt', 'proxy'), { minLength: 1 })
  .map((names) => names.map((name) => `{chttpd_auth, ${name}_authentication_handler}`).join(', '));
const anyNode = fc.record({
  name: fc.constantFrom('a@1', 'b@2', 'c@3'),
  up: fc.constant(true as const),
  handlers: fc.option(anyHandlers, { nil: undefined }),
  requiredClaims: fc.constantFrom(undefined, '', 'exp', 'exp, kid', 'kid', 'exp, {iss, "x"}'),
  keys: fc.constantFrom<Record<string, string>>(
    {},
    { [KEY]: SECRET.toString('base64') },
    { [OLD_KEY]: 'bw==', 'hmac:_default': 'bw==' },
  ),
  docIdsThreshold: fc.constantFrom(undefined, '', '1000', '100', '10', '0'),
});
const anyAccount = fc.oneof(
  fc.constant<AccountState>({ exists: false }),
  fc.record({
    exists: fc.constant(true as const),
    roles: fc.uniqueArray(anyName),
    password: fc.constantFrom('good', 'wrong', 'not-tried'),
  }),
);
const anyDesigns = fc.constantFrom('none', 'current', 'older', 'by hand', 'foreign', 'left over');
/** The name of the account to remove. */
const FORMER_ACCOUNT = 'pouchgate-2025';
const anyPermissions = fc.record({
  replace: fc.boolean(),
  adopt: fc.boolean(),
  newPassword: fc.boolean(),
  newSecret: fc.boolean(),
  removeOldKeys: fc.boolean(),
});

function storedDesigns(state: string): CurrentState['designs'] {
  const [ours] = design.designs;
  if (ours === undefined || state === 'none') return new Map();
  const older = addContentHash({ ...ours, views: {} });
  const stored = {
    current: addContentHash(ours),
    older,
    'by hand': { ...older, views: 1 },
    foreign: { _id: ours._id },
    'left over': addContentHash(ours),
  };
  const map = new Map([[ours._id, stored[state as keyof typeof stored]]]);
  if (state === 'left over') map.set(viewWarmupDesign(ours)._id, addContentHash(viewWarmupDesign(ours)));
  return map;
}

const anyCase = fc
  .record({
    registry: anyDatabase,
    sessions: anyDatabase,
    users: anyDatabase,
    account: anyAccount,
    accountToRemove: fc.option(anyAccount, { nil: undefined }),
    designs: anyDesigns,
    nodes: fc.uniqueArray(anyNode, { minLength: 1, maxLength: 3, selector: ({ name }) => name }),
    isJwtHandlerActive: fc.boolean(),
    allowed: anyPermissions,
    jwtSecret: fc.constantFrom(SECRET, undefined),
  })
  .map(({ allowed, jwtSecret, designs, ...rest }) => {
    const current: CurrentState = { ...rest, version: '3.4.3', designs: storedDesigns(designs) };
    const desired: DesiredState = {
      registry: 'user_registry',
      sessions: 'pouchgate_sessions',
      idPrefix: 'user_',
      design,
      service: { username: 'pouchgate', password: undefined },
      jwtSecret,
      accountToRemove: FORMER_ACCOUNT,
      admin: 'admin',
      allowed,
    };
    return { current, desired };
  });

const plannedSteps = ({ current, desired }: { current: CurrentState; desired: DesiredState }): Step[] =>
  planSetup(current, desired).items.flatMap((item) => (item.kind === 'step' ? [item.step] : []));

/** The state after the steps, as far as it can be computed from values. */
function applySteps({ current, desired }: { current: CurrentState; desired: DesiredState }): CurrentState {
  let state = current;
  const databaseKey = (name: string): 'registry' | 'sessions' | 'users' =>
    name === desired.registry ? 'registry' : name === desired.sessions ? 'sessions' : 'users';
  const updateNode = (node: string, change: (of: NodeState & { up: true }) => NodeState): void => {
    state = { ...state, nodes: state.nodes.map((each) => (each.up && each.name === node ? change(each) : each)) };
  };
  for (const step of plannedSteps({ current, desired })) {
    switch (step.kind) {
      case 'create-database':
        break;
      case 'set-security':
        state = {
          ...state,
          [databaseKey(step.database)]: {
            exists: true,
            partitioned: false,
            security: step.security,
            foreignDocument: undefined,
          },
        };
        break;
      case 'write-design':
        state = { ...state, designs: new Map([[step.design._id, addContentHash(step.design)]]) };
        break;
      case 'delete-design':
        state = { ...state, designs: new Map([...state.designs].filter(([id]) => id !== step.id)) };
        break;
      case 'create-account':
      case 'set-password':
      case 'set-roles':
        state = { ...state, account: { exists: true, roles: ['pouchgate_service'], password: 'not-tried' } };
        break;
      case 'delete-account':
        state = { ...state, accountToRemove: { exists: false } };
        break;
      case 'set-config':
        updateNode(step.node, (of) =>
          step.setting.section === 'chttpd'
            ? { ...of, handlers: step.value }
            : step.setting.section === 'jwt_auth'
              ? { ...of, requiredClaims: step.value }
              : { ...of, keys: { ...of.keys, [step.setting.key]: step.value } },
        );
        break;
      case 'delete-config':
        updateNode(step.node, (of) => ({
          ...of,
          keys: Object.fromEntries(Object.entries(of.keys).filter(([key]) => key !== step.setting.key)),
        }));
        break;
      case 'create-key':
        for (const node of step.nodes)
          updateNode(node, (of) => ({ ...of, keys: { ...of.keys, [NEW_KEY]: NEW_SECRET.toString('base64') } }));
        break;
      case 'restart-listener':
        state = { ...state, isJwtHandlerActive: true };
    }
  }
  return state;
}

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
    { numRuns: 1_000 },
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
    { numRuns: 1_000 },
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

test('describes no step with a secret', () => {
  fc.assert(
    fc.property(anyCase, (one) => {
      const text = plannedSteps(one).map(describeStep).join('\n');
      expect(text).not.toContain(SECRET.toString('base64'));
    }),
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
      designs: storedDesigns('current'),
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

const withAllowed = (one: { current: CurrentState; desired: DesiredState }, allowed: object) => ({
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

test('removes a former account only if it is a service account and not the current one', () => {
  fc.assert(
    fc.property(anyCase, fc.boolean(), ({ current, desired }, isCurrent) => {
      const username = isCurrent ? FORMER_ACCOUNT : desired.service.username;
      const steps = plannedSteps({ current, desired: { ...desired, service: { username, password: undefined } } });
      const removed = steps.filter((step) => step.kind === 'delete-account');
      const former = current.accountToRemove;
      const isRemovable = former?.exists === true && former.roles.join() === 'pouchgate_service' && !isCurrent;
      expect(removed).toEqual(isRemovable ? [{ kind: 'delete-account', username: FORMER_ACCOUNT }] : []);
    }),
  );
});

test.each([
  ['3.4.3', ['10'], 10],
  ['3.4.3', ['1000', undefined, '100'], 100],
  ['3.4.3', [undefined], undefined],
  ['3.4.3', ['1000'], undefined],
  ['3.3.3', [undefined], undefined],
  ['3.3.3', ['100'], undefined],
  ['3.3.3', ['1000'], 1_000],
  ['3.4.3', ['0'], 0],
])('CouchDB %s with the thresholds %j needs the value %s in the environment of the gates', (version, texts, value) => {
  const nodes = texts.map((docIdsThreshold, n): NodeState => ({
    name: `node${n}`,
    up: true,
    handlers: undefined,
    requiredClaims: undefined,
    keys: {},
    docIdsThreshold,
  }));
  expect(configuredDocIdsThreshold({ nodes, version })).toBe(value);
  expect(planDocIdsThreshold({ nodes, version }).items).toHaveLength(value === undefined ? 0 : 1);
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
