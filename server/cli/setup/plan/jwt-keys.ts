import { KEY_ID_PREFIX, keyIdOf } from '../../../upstream/jwt-key-id.ts';
import { hasJwtHandler, isValidHandlerList, addJwtHandler } from './auth-handlers.ts';
import type { NodeState, CurrentState } from '../current-state.ts';
import type { PlanItem, Plan, Setting } from '../steps.ts';
import type { DesiredState } from '../desired-state.ts';

const HANDLERS_SETTING: Setting = { section: 'chttpd', key: 'authentication_handlers' };
const REQUIRED_CLAIMS_SETTING: Setting = { section: 'jwt_auth', key: 'required_claims' };
export const jwtKeySetting = (keyId: string): Setting => ({ section: 'jwt_keys', key: `hmac:${keyId}` });

type ReachableNode = Extract<NodeState, { up: true }>;

/** By which each request of a user's is that user's to CouchDB: on every node of the cluster, a key and the handler. */
export function planJwtAuthentication(
  { nodes, isJwtHandlerActive }: Pick<CurrentState, 'nodes' | 'isJwtHandlerActive'>,
  desired: DesiredState,
): Plan {
  const reachable = nodes.filter((node) => node.up);
  const blockers = nodes
    .filter((node) => !node.up)
    .map(
      ({ name }) =>
        `The node ${name} of the cluster does not answer, so its settings cannot be made; start it, or take it out of the cluster, and run this again.`,
    );
  const invalid = reachable.filter(({ handlers }) => !isValidHandlerList(handlers));
  blockers.push(
    ...invalid.map(
      ({ name }) =>
        `[chttpd] authentication_handlers on ${name} is no list of {module, function}, with which CouchDB cannot start; mend it first.`,
    ),
  );
  const key = planJwtKey(reachable, desired);
  const nodesToRestart = reachable.filter(({ handlers }) => !isJwtHandlerActive || !hasJwtHandler(handlers));
  const restartItems = nodesToRestart.map(({ name }): PlanItem => ({
    kind: 'step',
    step: { kind: 'listen-anew', node: name },
  }));
  // Keys go last: once it is seen that the new one is taken.
  const items = [...reachable.flatMap(planNode), ...key.items, ...restartItems, ...key.removals];
  return { items, blockers: [...blockers, ...key.blockers] };
}

function planNode({ name: node, handlers, requiredClaims }: ReachableNode): PlanItem[] {
  const setItem = (setting: Setting, value: string): PlanItem => ({
    kind: 'step',
    step: { kind: 'set', node, setting, value },
  });
  const items: PlanItem[] = [
    hasJwtHandler(handlers)
      ? { kind: 'found', sentence: `the JWT handler on ${node}` }
      : setItem(HANDLERS_SETTING, addJwtHandler(handlers)),
  ];
  // Without it CouchDB before 3.3 takes tokens that have ended.
  if (requiredClaims === undefined || requiredClaims.trim() === '') items.push(setItem(REQUIRED_CLAIMS_SETTING, 'exp'));
  else if (requiredClaims.trim() === 'exp')
    items.push({ kind: 'found', sentence: `tokens must have an end on ${node}` });
  else {
    const message = `[jwt_auth] required_claims on ${node} is ${requiredClaims}, and is left so`;
    const missing = /\bexp\b/.test(requiredClaims)
      ? ''
      : '; tokens that have ended are taken for good unless exp is among them';
    items.push({ kind: 'note', sentence: `${message}${missing}.` });
  }
  return items;
}

interface JwtKeyPlan extends Plan {
  readonly removals: readonly PlanItem[];
}

function planJwtKey(nodes: readonly ReachableNode[], { jwtSecret, allowed }: DesiredState): JwtKeyPlan {
  const ownKeysOf = (node: ReachableNode): string[] =>
    Object.keys(node.keys).filter((key) => key.startsWith(`hmac:${KEY_ID_PREFIX}`));
  const ownKeyNames = [...new Set(nodes.flatMap(ownKeysOf))];
  if (jwtSecret === undefined) return planJwtKeyWithoutSecret(nodes, ownKeyNames, allowed);

  const setting = jwtKeySetting(keyIdOf(jwtSecret));
  const value = jwtSecret.toString('base64');
  const items = nodes.map(({ name: node, keys }): PlanItem =>
    keys[setting.key] === value
      ? { kind: 'found', sentence: `the key ${setting.key} on ${node}` }
      : { kind: 'step', step: { kind: 'set', node, setting, value } },
  );
  const old = ownKeyNames.filter((key) => key !== setting.key);
  if (!allowed.removeOldKeys) return { items: [...items, ...oldKeysNote(old)], blockers: [], removals: [] };
  const removed = nodes.flatMap((node) =>
    ownKeysOf(node)
      .filter((key) => key !== setting.key)
      .map((key): PlanItem => ({
        kind: 'step',
        step: { kind: 'unset', node: node.name, setting: { ...setting, key } },
      })),
  );
  return { items, blockers: [], removals: removed };
}

const oldKeysNote = (old: readonly string[]): PlanItem[] =>
  old.length === 0
    ? []
    : [
        {
          kind: 'note',
          sentence: `There are older keys, ${old.join(', ')}: once every gate has the new COUCHDB_JWT_SECRET, run with --remove-old-keys.`,
        },
      ];

/** No secret was given: one is made the first time, or when that is asked for. */
function planJwtKeyWithoutSecret(
  nodes: readonly ReachableNode[],
  names: readonly string[],
  allowed: DesiredState['allowed'],
): JwtKeyPlan {
  if (allowed.removeOldKeys) {
    return {
      items: [],
      removals: [],
      blockers: [
        'Which key is the newest is not known: give its secret in COUCHDB_JWT_SECRET to remove the older ones.',
      ],
    };
  }
  if (names.length === 0 || allowed.newSecret) {
    return {
      items: [
        { kind: 'step', step: { kind: 'make-key', nodes: nodes.map(({ name }) => name) } },
        ...oldKeysNote(names),
      ],
      blockers: [],
      removals: [],
    };
  }
  const nodesWithoutKey = nodes.filter(({ keys }) => names.every((name) => keys[name] === undefined));
  return {
    items: [{ kind: 'found', sentence: `the key ${names.join(', ')} (give COUCHDB_JWT_SECRET to have it checked)` }],
    removals: [],
    blockers: nodesWithoutKey.map(
      ({ name }) => `The node ${name} lacks the key ${names.join(', ')}; give its secret in COUCHDB_JWT_SECRET.`,
    ),
  };
}
