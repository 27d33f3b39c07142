import fc from 'fast-check';
import { keyIdOf } from '../../../../upstream/jwt-key-id.ts';
import { readDatabaseDesign, type DatabaseDesign } from '../../../../upstream/schema/design-documents.ts';
import { addContentHash } from '../../../../upstream/schema/design-hash.ts';
import type { DatabaseState } from '../../../../upstream/schema/schema-plan.ts';
import { viewWarmupDesign } from '../../../../upstream/schema/view-warmup-design.ts';
import type { AccountState, CurrentState, NodeState } from '../../current-state.ts';
import type { DesiredState } from '../../desired-state.ts';
import type { Step } from '../../steps.ts';
import { planSetup } from '../plan.ts';

/** Arbitrary states of a CouchDB, and what set-up is to reach. */
export interface SetupCase {
  readonly current: CurrentState;
  readonly desired: DesiredState;
}

export const SECRET = Buffer.from('s'.repeat(40));
export const KEY = `hmac:${keyIdOf(SECRET)}`;
export const NEW_SECRET = Buffer.from('n'.repeat(40));
export const NEW_KEY = `hmac:${keyIdOf(NEW_SECRET)}`;
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
export const anyHandlers = fc
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
export const FORMER_ACCOUNT = 'pouchgate-2025';
const anyPermissions = fc.record({
  replace: fc.boolean(),
  adopt: fc.boolean(),
  newPassword: fc.boolean(),
  newSecret: fc.boolean(),
  removeOldKeys: fc.boolean(),
});

/** The stored design documents in one of the states of `anyDesigns`. */
export function storedDesigns(design: DatabaseDesign, state: string): CurrentState['designs'] {
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

/** Reads the design documents, and returns the arbitrary cases with them. */
export async function readAnyCase(): Promise<fc.Arbitrary<SetupCase>> {
  const design = await readDatabaseDesign();
  return fc
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
      const current: CurrentState = { ...rest, version: '3.4.3', designs: storedDesigns(design, designs) };
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
}

/** The steps of the plan. */
export const plannedSteps = ({ current, desired }: SetupCase): Step[] =>
  planSetup(current, desired).items.flatMap((item) => (item.kind === 'step' ? [item.step] : []));

/** The state after the steps, as far as it can be computed from values. */
export function applySteps({ current, desired }: SetupCase): CurrentState {
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
