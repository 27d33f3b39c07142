import { readMembers, readSection } from '../setup/observe/node-config.ts';
import { hasJwtHandler } from '../setup/plan/auth-handlers.ts';
import type { Met } from '../server-info.ts';
import { good, notChecked, told, wrong, type Finding } from './finding.ts';
import { NEEDS_ADMIN, type Patient } from './context.ts';

/** What a clock may be off, in ms: tokens end by it, and stamps of edits are held against it. */
const MOST_SKEW = 5_000;

/** The server itself: its version, its clock, and what its nodes are set to. */
export async function checkServer({ met, upstream, admin }: Patient): Promise<Finding[]> {
  return [
    good('reachable', `CouchDB answers at ${upstream.access.url}.`),
    good('version', `CouchDB has version ${met.version}.`),
    good('admin party', 'CouchDB has an administrator, and takes nobody else for one.'),
    told(
      'require_valid_user',
      met.requiresValidUser
        ? 'CouchDB answers nobody who does not sign in (require_valid_user).'
        : 'CouchDB answers whoever does not sign in with its version and little else; [chttpd] require_valid_user = true would end that.',
    ),
    judgeClock(met.clockAhead),
    ...(await checkNodes(admin)),
  ];
}

export function judgeClock(ahead: Met['clockAhead']): Finding {
  if (ahead === undefined) return notChecked('clock', 'CouchDB does not say what time it is.');
  const seconds = Math.round(Math.abs(ahead) / 1000);
  if (Math.abs(ahead) <= MOST_SKEW) return good('clock', 'This clock and that of CouchDB agree.');
  const way = ahead > 0 ? 'ahead of' : 'behind';
  return wrong(
    'clock',
    `The clock of CouchDB is ${seconds} s ${way} this one, so tokens end too early or too late; have both set by NTP.`,
  );
}

async function checkNodes(admin: Patient['admin']): Promise<Finding[]> {
  if (admin === undefined) return [notChecked('settings', `The settings of CouchDB's nodes: ${NEEDS_ADMIN}.`)];
  const members = await readMembers(admin.couch);
  const findings: Finding[] = [];
  for (const { name, up } of members) {
    if (!up) {
      findings.push(
        wrong('nodes', `The node ${name} of the cluster does not answer; start it, or take it out of the cluster.`),
      );
      continue;
    }
    const chttpd = await readSection(admin.couch, name, 'chttpd');
    findings.push(
      hasJwtHandler(chttpd['authentication_handlers'])
        ? good('JWT handler', `The JWT handler is set on ${name}.`)
        : wrong(
            'JWT handler',
            `The JWT handler is not set on ${name}, which takes no token of a user's; run "npm run setup".`,
          ),
    );
    const couchdb = await readSection(admin.couch, name, 'couchdb');
    if (couchdb['users_db_security_editable'] === 'true') {
      findings.push(
        wrong(
          'settings',
          `[couchdb] users_db_security_editable is true on ${name}, so that who may use the accounts can be changed; unless you want that, remove it.`,
        ),
      );
    }
    findings.push(await limitsOf(admin, name, chttpd));
  }
  return findings;
}

/** Each gate has at most this many connections to CouchDB. */
const CONNECTIONS_OF_A_GATE = 16;
const FEW_GATES = 4;

async function limitsOf(
  admin: NonNullable<Patient['admin']>,
  node: string,
  chttpd: Record<string, string>,
): Promise<Finding> {
  const httpd = await readSection(admin.couch, node, 'httpd');
  const most =
    chttpd['max_connections'] ??
    httpd['max_connections'] ??
    /\{\s*max\s*,\s*(\d+)/.exec(chttpd['server_options'] ?? '')?.[1];
  if (most === undefined)
    return good('connections', `The connections that ${node} accepts are not limited by a setting.`);
  return Number(most) < CONNECTIONS_OF_A_GATE * FEW_GATES
    ? wrong(
        'connections',
        `${node} accepts ${most} connections, and each gate takes ${CONNECTIONS_OF_A_GATE}; raise max_connections.`,
      )
    : good('connections', `${node} accepts ${most} connections; each gate takes ${CONNECTIONS_OF_A_GATE}.`);
}
