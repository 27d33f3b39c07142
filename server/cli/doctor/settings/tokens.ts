import { KEY_ID_PREFIX, keyIdOf } from '../../../upstream/jwt-key-id.ts';
import { hasJwtHandler } from '../../setup/plan/auth-handlers.ts';
import { jwtKeySetting } from '../../setup/plan/jwt-keys.ts';
import { evaluateRequiredClaims } from '../../setup/plan/required-claims.ts';
import { errorFinding, infoFinding, okFinding, type Finding } from '../finding.ts';
import type { NodeSettings } from './node-settings.ts';

/** Checks the settings by which a node accepts the gates' account and tokens. */
export function evaluateTokenSettings(node: NodeSettings, version: string, jwtSecret: Buffer | undefined): Finding[] {
  return [
    evaluateHandlers(node),
    evaluateClaims(node, version),
    evaluateRolesClaim(node),
    ...(jwtSecret === undefined ? [] : evaluateKeys(node, jwtSecret)),
  ];
}

function evaluateHandlers({ name, sections }: NodeSettings): Finding {
  const handlers = sections.chttpd['authentication_handlers'];
  if (!hasJwtHandler(handlers)) {
    return errorFinding(
      'JWT handler',
      `The JWT handler is not set on ${name}, which therefore accepts no token. Run "npm run setup".`,
    );
  }
  return /\bdefault_authentication_handler\s*\}/.test(handlers ?? '')
    ? okFinding('JWT handler', `The handlers of tokens and passwords are set on ${name}.`)
    : errorFinding(
        'password handler',
        `[chttpd] authentication_handlers on ${name} has no default_authentication_handler, so ${name} rejects the gates' account. Append {chttpd_auth, default_authentication_handler}.`,
      );
}

function evaluateClaims({ name, sections }: NodeSettings, version: string): Finding {
  const check = 'required claims';
  const text = sections.jwt_auth['required_claims'];
  const setting = `[jwt_auth] required_claims on ${name} is ${text === undefined ? 'not set' : `"${text}"`}`;
  const { hasExpiry, rejection } = evaluateRequiredClaims(text, version);
  if (rejection !== undefined) {
    return errorFinding(
      check,
      `${setting}, and ${rejection}, so CouchDB rejects every request of a user. Set it to exp.`,
    );
  }
  return hasExpiry
    ? okFinding(check, `${name} requires claims that the gates' tokens have, exp among them.`)
    : errorFinding(check, `${setting}, so CouchDB accepts expired tokens. Set it to exp.`);
}

const ROLES_CLAIM = '_couchdb.roles';

/** Checks that CouchDB reads the roles from the claim that the gates use. */
function evaluateRolesClaim({ name, sections }: NodeSettings): Finding {
  const check = 'roles claim';
  // The path takes precedence. In a path a dot of a name is escaped.
  const { roles_claim_path: path, roles_claim_name: claim = ROLES_CLAIM } = sections.jwt_auth;
  const [key, value] = path === undefined ? ['roles_claim_name', claim] : ['roles_claim_path', path];
  return value.replaceAll('\\.', '.') === ROLES_CLAIM && (path === undefined || value.includes('\\.'))
    ? okFinding(check, `${name} reads the roles of the gates' tokens.`)
    : errorFinding(
        check,
        `[jwt_auth] ${key} on ${name} is "${value}", and the gates' tokens have their roles in ${ROLES_CLAIM}, so CouchDB rejects every request of a user. Remove the setting.`,
      );
}

function evaluateKeys({ name, sections }: NodeSettings, jwtSecret: Buffer): Finding[] {
  const keys = sections.jwt_keys;
  const { key: own } = jwtKeySetting(keyIdOf(jwtSecret));
  const others = Object.keys(keys).filter((key) => key !== own);
  const old = others.filter((key) => key.startsWith(`hmac:${KEY_ID_PREFIX}`));
  const foreign = others.filter((key) => !old.includes(key));
  return [
    keys[own] === jwtSecret.toString('base64')
      ? okFinding('key on node', `${name} has the key ${own} of COUCHDB_JWT_SECRET.`)
      : errorFinding(
          'key on node',
          `${name} does not have the key ${own} of COUCHDB_JWT_SECRET. Run "npm run setup" with this secret.`,
        ),
    ...(old.length === 0
      ? []
      : [
          infoFinding(
            'old keys',
            `${name} also has the keys ${old.join(', ')}. If no gate uses them any more, run "npm run setup -- --remove-old-keys".`,
          ),
        ]),
    ...(foreign.length === 0
      ? []
      : [
          infoFinding(
            'other keys',
            `${name} accepts tokens of ${foreign.join(', ')} as well. A holder of such a key can act as any user and as a server admin. Check that you need them.`,
          ),
        ]),
  ];
}
