import { randomBytes } from 'node:crypto';
import type { ServerScope } from 'nano';
import { authorizationOf, statusOf } from '../../upstream/client.ts';
import type { SecurityObject } from '../../upstream/schema/design-documents.ts';
import {
  ACCOUNTS_SECURITY,
  isSameSecurity,
  readSecurity,
  SERVER_ADMIN,
  SERVICE_ROLE,
  SESSIONS_SECURITY,
  describeUnexpectedAccess,
} from '../../upstream/schema/security-objects.ts';
import { errorMessage } from '../../upstream/setup-error.ts';
import { okFinding, skippedFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import { ADMIN_REQUIRED, type DoctorContext } from './context.ts';

/** Who may use which database: by what is written, and by trying. */
export async function checkAccess(context: DoctorContext): Promise<Finding[]> {
  const { config, design, serverInfo } = context;
  const findings: Finding[] = [evaluateAccount(serverInfo.name, serverInfo.roles)];
  for (const [name, expected] of [
    [config.registry, design.security],
    [config.sessions, SESSIONS_SECURITY],
    ['_users', ACCOUNTS_SECURITY],
  ] as const) {
    findings.push(await checkSecurity(context, name, expected));
  }
  return [...findings, await checkAuthDesign(context), ...(await checkPasswordAccess(context))];
}

function evaluateAccount(name: string | null, roles: readonly string[]): Finding {
  const check = 'service account';
  if (roles.includes(SERVER_ADMIN)) {
    return infoFinding(
      check,
      `The gate works as ${name ?? 'nobody'}, a server admin, and needs no more than a service account; run "npm run setup", and use what it prints.`,
    );
  }
  return roles.includes(SERVICE_ROLE)
    ? okFinding(check, `The gate works as ${name ?? 'nobody'}, a service account.`)
    : errorFinding(
        check,
        `${name ?? 'Nobody'} is no service account, and a gate does not start as it; run "npm run setup", and use what it prints.`,
      );
}

async function checkSecurity(
  { upstream, admin }: DoctorContext,
  db: string,
  expected: SecurityObject,
): Promise<Finding> {
  const check = `_security of ${db}`;
  const couch: ServerScope = (admin ?? upstream).couch;
  try {
    const stored = readSecurity(await couch.request({ db, path: '_security' }));
    if (isSameSecurity(stored, expected)) return okFinding(check, `Nobody may use ${db} but who has to.`);
    const strangers = describeUnexpectedAccess(stored, expected);
    return strangers.length > 0
      ? errorFinding(check, `${db} lets in ${strangers.join(', ')}; run "npm run setup -- --replace" to shut them out.`)
      : errorFinding(check, `${db} does not let in everybody who has to use it, or too many; run "npm run setup".`);
  } catch (error) {
    if (statusOf(error) === 404) return errorFinding(check, `The database ${db} is not there; run "npm run setup".`);
    return errorFinding(check, `Who may use ${db} cannot be read (${errorMessage(error)}); run "npm run setup".`);
  }
}

/** Without it whoever may make accounts may make a server admin. */
async function checkAuthDesign({ upstream, admin }: DoctorContext): Promise<Finding> {
  const check = 'accounts are checked';
  try {
    await (admin ?? upstream).couch.use('_users').get('_design/_auth');
    return okFinding(check, 'CouchDB checks accounts by _users/_design/_auth.');
  } catch (error) {
    return errorFinding(
      check,
      `_design/_auth cannot be read in _users (${errorMessage(error)}), by which CouchDB checks accounts; restart CouchDB, which makes it.`,
    );
  }
}

/**
 * What a password of a user is good for at CouchDB itself: nothing. An account is made for it, whose name no user can have,
 * and removed again, which only a server admin may (_users/_design/_auth).
 */
async function checkPasswordAccess({ upstream, admin, config }: DoctorContext): Promise<Finding[]> {
  const check = "users' passwords";
  if (admin === undefined)
    return [skippedFinding(check, `What a user's password opens at CouchDB: ${ADMIN_REQUIRED}.`)];
  const users = admin.couch.use<Record<string, unknown>>('_users');
  const account = { username: `Doctor-${randomBytes(8).toString('hex')}`, password: randomBytes(16).toString('hex') };
  const _id = `org.couchdb.user:${account.username}`;
  let rev: string;
  try {
    const document = { _id, name: account.username, type: 'user', roles: [], password: account.password };
    ({ rev } = await users.insert(document));
  } catch (error) {
    return [
      skippedFinding(
        check,
        `What a user's password opens: no account could be made to try it (${errorMessage(error)}).`,
      ),
    ];
  }
  try {
    const findings: Finding[] = [];
    for (const db of [config.registry, config.sessions, '_users']) {
      const response = await upstream.fetch(`/${encodeURIComponent(db)}`, {
        headers: { authorization: authorizationOf(account), accept: 'application/json' },
        redirect: 'manual',
      });
      await response.arrayBuffer();
      findings.push(
        response.status === 403 || response.status === 401
          ? okFinding(check, `A user's password does not open ${db}.`)
          : errorFinding(
              check,
              `A user's password is answered ${response.status} at ${db} of CouchDB; run "npm run setup".`,
            ),
      );
    }
    return findings;
  } finally {
    await users.destroy(_id, rev);
  }
}
