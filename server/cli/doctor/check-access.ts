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

/** Checks who may use which database, by reading the access rules and by requests with a user's password. */
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
  const accountName = name ?? 'the anonymous user';
  if (roles.includes(SERVER_ADMIN)) {
    return infoFinding(
      check,
      `The gate uses ${accountName}, a server admin. A service account is enough: run "npm run setup", and use the account that it prints.`,
    );
  }
  return roles.includes(SERVICE_ROLE)
    ? okFinding(check, `The gate uses ${accountName}, a service account.`)
    : errorFinding(
        check,
        `${accountName} is not a service account, so no gate starts with it. Run "npm run setup", and use the account that it prints.`,
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
    if (isSameSecurity(stored, expected))
      return okFinding(check, `The access rules of ${db} admit only the required roles.`);
    const unexpected = describeUnexpectedAccess(stored, expected);
    return unexpected.length > 0
      ? errorFinding(check, `${db} admits ${unexpected.join(', ')}. Run "npm run setup -- --replace" to remove them.`)
      : errorFinding(check, `The access rules of ${db} are not those of this version. Run "npm run setup".`);
  } catch (error) {
    if (statusOf(error) === 404) return errorFinding(check, `The database ${db} does not exist. Run "npm run setup".`);
    return errorFinding(
      check,
      `The access rules of ${db} cannot be read (${errorMessage(error)}). Run "npm run setup".`,
    );
  }
}

/** Without it every account that may create accounts may create a server admin. */
async function checkAuthDesign({ upstream, admin }: DoctorContext): Promise<Finding> {
  const check = 'accounts are checked';
  try {
    await (admin ?? upstream).couch.use('_users').get('_design/_auth');
    return okFinding(check, 'CouchDB checks accounts with _users/_design/_auth.');
  } catch (error) {
    return errorFinding(
      check,
      `_users/_design/_auth, with which CouchDB checks accounts, cannot be read (${errorMessage(error)}). Restart CouchDB, which writes it.`,
    );
  }
}

/**
 * Checks that a user's password opens no database at CouchDB itself. Creates an account for it, with a name that is not a
 * valid username, and deletes it again, which only a server admin may (_users/_design/_auth).
 */
async function checkPasswordAccess({ upstream, admin, config }: DoctorContext): Promise<Finding[]> {
  const check = "users' passwords";
  if (admin === undefined)
    return [skippedFinding(check, `Checking what a user's password opens at CouchDB ${ADMIN_REQUIRED}.`)];
  const users = admin.couch.use<Record<string, unknown>>('_users');
  const account = { username: `Doctor-${randomBytes(8).toString('hex')}`, password: randomBytes(16).toString('hex') };
  const _id = `org.couchdb.user:${account.username}`;
  let rev: string;
  try {
    const document = { _id, name: account.username, type: 'user', roles: [], password: account.password };
    ({ rev } = await users.insert(document));
  } catch (error) {
    return [
      skippedFinding(check, `The check of users' passwords could not create an account (${errorMessage(error)}).`),
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
              `CouchDB responds to a user's password at ${db} with status ${response.status} instead of 403. Run "npm run setup".`,
            ),
      );
    }
    return findings;
  } finally {
    await users.destroy(_id, rev);
  }
}
