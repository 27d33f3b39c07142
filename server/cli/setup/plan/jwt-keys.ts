import { KEY_ID_PREFIX, keyIdOf } from '../../../upstream/jwt-key-id.ts';
import { hasJwtHandler, isHandlerList, withJwtHandler } from './auth-handlers.ts';
import type { NodeState, Observed } from '../current-state.ts';
import type { Item, Plan, Setting } from '../steps.ts';
import type { Wanted } from '../desired-state.ts';

const HANDLERS: Setting = { section: 'chttpd', key: 'authentication_handlers' };
const REQUIRED_CLAIMS: Setting = { section: 'jwt_auth', key: 'required_claims' };
export const keySetting = (keyId: string): Setting => ({ section: 'jwt_keys', key: `hmac:${keyId}` });

type UpNode = Extract<NodeState, { up: true }>;

/** By which each request of a user's is that user's to CouchDB: on every node of the cluster, a key and the handler. */
export function planTokens({ nodes, jwtAtWork }: Pick<Observed, 'nodes' | 'jwtAtWork'>, wanted: Wanted): Plan {
  const up = nodes.filter((node) => node.up);
  const refusals = nodes
    .filter((node) => !node.up)
    .map(
      ({ name }) =>
        `The node ${name} of the cluster does not answer, so its settings cannot be made; start it, or take it out of the cluster, and run this again.`,
    );
  const unreadable = up.filter(({ handlers }) => !isHandlerList(handlers));
  refusals.push(
    ...unreadable.map(
      ({ name }) =>
        `[chttpd] authentication_handlers on ${name} is no list of {module, function}, with which CouchDB cannot start; mend it first.`,
    ),
  );
  const key = planKey(up, wanted);
  const listening = up.filter(({ handlers }) => !jwtAtWork || !hasJwtHandler(handlers));
  const anew = listening.map(({ name }): Item => ({ kind: 'step', step: { kind: 'listen-anew', node: name } }));
  // Keys go last: once it is seen that the new one is taken.
  const items = [...up.flatMap(planNode), ...key.items, ...anew, ...key.last];
  return { items, refusals: [...refusals, ...key.refusals] };
}

function planNode({ name: node, handlers, requiredClaims }: UpNode): Item[] {
  const set = (setting: Setting, value: string): Item => ({
    kind: 'step',
    step: { kind: 'set', node, setting, value },
  });
  const items: Item[] = [
    hasJwtHandler(handlers)
      ? { kind: 'found', sentence: `the JWT handler on ${node}` }
      : set(HANDLERS, withJwtHandler(handlers)),
  ];
  // Without it CouchDB before 3.3 takes tokens that have ended.
  if (requiredClaims === undefined || requiredClaims.trim() === '') items.push(set(REQUIRED_CLAIMS, 'exp'));
  else if (requiredClaims.trim() === 'exp')
    items.push({ kind: 'found', sentence: `tokens must have an end on ${node}` });
  else {
    const told = `[jwt_auth] required_claims on ${node} is ${requiredClaims}, and is left so`;
    const missing = /\bexp\b/.test(requiredClaims)
      ? ''
      : '; tokens that have ended are taken for good unless exp is among them';
    items.push({ kind: 'note', sentence: `${told}${missing}.` });
  }
  return items;
}

interface KeyPlan extends Plan {
  readonly last: readonly Item[];
}

function planKey(nodes: readonly UpNode[], { jwtSecret, allowed }: Wanted): KeyPlan {
  const ours = (node: UpNode): string[] =>
    Object.keys(node.keys).filter((key) => key.startsWith(`hmac:${KEY_ID_PREFIX}`));
  const names = [...new Set(nodes.flatMap(ours))];
  if (jwtSecret === undefined) return planUnknownKey(nodes, names, allowed);

  const setting = keySetting(keyIdOf(jwtSecret));
  const value = jwtSecret.toString('base64');
  const items = nodes.map(({ name: node, keys }): Item =>
    keys[setting.key] === value
      ? { kind: 'found', sentence: `the key ${setting.key} on ${node}` }
      : { kind: 'step', step: { kind: 'set', node, setting, value } },
  );
  const old = names.filter((key) => key !== setting.key);
  if (!allowed.removeOldKeys) return { items: [...items, ...noteOf(old)], refusals: [], last: [] };
  const removed = nodes.flatMap((node) =>
    ours(node)
      .filter((key) => key !== setting.key)
      .map((key): Item => ({ kind: 'step', step: { kind: 'unset', node: node.name, setting: { ...setting, key } } })),
  );
  return { items, refusals: [], last: removed };
}

const noteOf = (old: readonly string[]): Item[] =>
  old.length === 0
    ? []
    : [
        {
          kind: 'note',
          sentence: `There are older keys, ${old.join(', ')}: once every gate has the new COUCHDB_JWT_SECRET, run with --remove-old-keys.`,
        },
      ];

/** No secret was given: one is made the first time, or when that is asked for. */
function planUnknownKey(nodes: readonly UpNode[], names: readonly string[], allowed: Wanted['allowed']): KeyPlan {
  if (allowed.removeOldKeys) {
    return {
      items: [],
      last: [],
      refusals: [
        'Which key is the newest is not known: give its secret in COUCHDB_JWT_SECRET to remove the older ones.',
      ],
    };
  }
  if (names.length === 0 || allowed.newSecret) {
    return {
      items: [{ kind: 'step', step: { kind: 'make-key', nodes: nodes.map(({ name }) => name) } }, ...noteOf(names)],
      refusals: [],
      last: [],
    };
  }
  const lacking = nodes.filter(({ keys }) => names.every((name) => keys[name] === undefined));
  return {
    items: [{ kind: 'found', sentence: `the key ${names.join(', ')} (give COUCHDB_JWT_SECRET to have it checked)` }],
    last: [],
    refusals: lacking.map(
      ({ name }) => `The node ${name} lacks the key ${names.join(', ')}; give its secret in COUCHDB_JWT_SECRET.`,
    ),
  };
}
