import { KEY_ID_PREFIX, keyIdOf } from '../../../upstream/jwt-key-id.ts';
import { isAtLeast } from '../../../upstream/version.ts';
import type { CurrentState, NodeState } from '../current-state.ts';
import type { DesiredState } from '../desired-state.ts';
import type { Plan, PlanItem, Setting } from '../steps.ts';
import { addJwtHandler, hasJwtHandler, isValidHandlerList } from './auth-handlers.ts';
import { evaluateRequiredClaims } from './required-claims.ts';

const HANDLERS_SETTING: Setting = { section: 'chttpd', key: 'authentication_handlers' };
const REQUIRED_CLAIMS_SETTING: Setting = { section: 'jwt_auth', key: 'required_claims' };
/** The setting that holds the secret of a key. */
export const jwtKeySetting = (keyId: string): Setting => ({ section: 'jwt_keys', key: `hmac:${keyId}` });

type ReachableNode = Extract<NodeState, { up: true }>;

/** Plans the key and the handler on every node, by which CouchDB authenticates each of the gate's requests as its user. */
export function planJwtAuthentication(
  { nodes, version, isJwtHandlerActive }: Pick<CurrentState, 'nodes' | 'version' | 'isJwtHandlerActive'>,
  desired: DesiredState,
): Plan {
  const reachable = nodes.filter((node) => node.up);
  const key = planJwtKey(reachable, desired);
  const nodesToRestart = reachable.filter(({ handlers }) => !isJwtHandlerActive || !hasJwtHandler(handlers));
  const restartItems = nodesToRestart.map(({ name }): PlanItem => ({
    kind: 'step',
    step: { kind: 'restart-listener', node: name, by: isAtLeast(version, 3, 5) ? 'server_options' : 'backlog' },
  }));
  // Keys are removed last, once the new one is known to work.
  const items = [...reachable.flatMap(planNode), ...key.items, ...restartItems, ...key.removals];
  return { items, blockers: [...findNodeBlockers(nodes, version), ...key.blockers] };
}

function findNodeBlockers(nodes: readonly NodeState[], version: string): string[] {
  const unreachable = nodes.filter((node) => !node.up);
  const invalid = nodes.filter((node) => node.up && !isValidHandlerList(node.handlers));
  return [
    ...unreachable.map(
      ({ name }) =>
        `The node ${name} of the cluster does not respond, so it cannot be configured. Start it, or remove it from the cluster, and run this again.`,
    ),
    ...invalid.map(
      ({ name }) =>
        `[chttpd] authentication_handlers on ${name} is not a list of {module, function}, so CouchDB cannot start with it. Correct it first.`,
    ),
    ...nodes.flatMap((node) => {
      const rejection = node.up ? evaluateRequiredClaims(node.requiredClaims, version).rejection : undefined;
      return rejection === undefined
        ? []
        : [
            `[jwt_auth] required_claims on ${node.name} makes CouchDB reject every request of a user: ${rejection}. Set it to exp first.`,
          ];
    }),
  ];
}

function planNode({ name: node, handlers, requiredClaims }: ReachableNode): PlanItem[] {
  const setItem = (setting: Setting, value: string): PlanItem => ({
    kind: 'step',
    step: { kind: 'set-config', node, setting, value },
  });
  const items: PlanItem[] = [
    hasJwtHandler(handlers)
      ? { kind: 'found', sentence: `the JWT handler on ${node}` }
      : setItem(HANDLERS_SETTING, addJwtHandler(handlers)),
  ];
  // Without it CouchDB before 3.3 accepts expired tokens.
  if (requiredClaims === undefined || requiredClaims.trim() === '') items.push(setItem(REQUIRED_CLAIMS_SETTING, 'exp'));
  else if (/\bexp\b/.test(requiredClaims)) {
    items.push({ kind: 'found', sentence: `the required claim exp of tokens on ${node}` });
  } else {
    const sentence = `[jwt_auth] required_claims on ${node} is ${requiredClaims}, and is not changed; unless it includes exp, expired tokens are accepted.`;
    items.push({ kind: 'note', sentence });
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
      : { kind: 'step', step: { kind: 'set-config', node, setting, value } },
  );
  // The given key stays in use until every gate has the new one.
  if (allowed.newSecret)
    items.push({ kind: 'step', step: { kind: 'create-key', nodes: nodes.map(({ name }) => name) } });
  const others = ownKeyNames.filter((key) => key !== setting.key);
  const old = allowed.newSecret ? [setting.key, ...others] : others;
  if (!allowed.removeOldKeys) return { items: [...items, ...oldKeysNote(old)], blockers: [], removals: [] };
  const removals = nodes.flatMap((node) =>
    ownKeysOf(node)
      .filter((key) => key !== setting.key)
      .map((key): PlanItem => ({
        kind: 'step',
        step: { kind: 'delete-config', node: node.name, setting: { ...setting, key } },
      })),
  );
  return { items, blockers: [], removals };
}

const oldKeysNote = (old: readonly string[]): PlanItem[] =>
  old.length === 0
    ? []
    : [
        {
          kind: 'note',
          sentence: `Older keys exist: ${old.join(', ')}. Once every gate has the new COUCHDB_JWT_SECRET, run with --remove-old-keys.`,
        },
      ];

/** Without a given secret one is generated the first time, or with --new-secret. */
function planJwtKeyWithoutSecret(
  nodes: readonly ReachableNode[],
  names: readonly string[],
  allowed: DesiredState['allowed'],
): JwtKeyPlan {
  if (allowed.removeOldKeys) {
    return {
      items: [],
      removals: [],
      blockers: ['The newest key is unknown. Provide its secret in COUCHDB_JWT_SECRET to remove the older ones.'],
    };
  }
  if (names.length === 0 || allowed.newSecret) {
    return {
      items: [
        { kind: 'step', step: { kind: 'create-key', nodes: nodes.map(({ name }) => name) } },
        ...oldKeysNote(names),
      ],
      blockers: [],
      removals: [],
    };
  }
  const nodesWithoutKey = nodes.filter(({ keys }) => names.every((name) => keys[name] === undefined));
  return {
    items: [{ kind: 'found', sentence: `the key ${names.join(', ')} (set COUCHDB_JWT_SECRET to have it checked)` }],
    removals: [],
    blockers: nodesWithoutKey.map(
      ({ name }) => `The node ${name} lacks the key ${names.join(', ')}. Provide its secret in COUCHDB_JWT_SECRET.`,
    ),
  };
}
