import { readClusterNodes, readConfigSection } from '../setup/observe/node-config.ts';
import { hasJwtHandler } from '../setup/plan/auth-handlers.ts';
import type { ServerInfo } from '../server-info.ts';
import { okFinding, skippedFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import { ADMIN_REQUIRED, type DoctorContext } from './context.ts';

/** What a clock may be off, in ms: tokens end by it, and stamps of edits are held against it. */
const MAX_CLOCK_SKEW_MS = 5_000;

/** The server itself: its version, its clock, and what its nodes are set to. */
export async function checkServer({ serverInfo, upstream, admin }: DoctorContext): Promise<Finding[]> {
  return [
    okFinding('reachable', `CouchDB answers at ${upstream.access.url}.`),
    okFinding('version', `CouchDB has version ${serverInfo.version}.`),
    okFinding('admin party', 'CouchDB has an administrator, and takes nobody else for one.'),
    infoFinding(
      'require_valid_user',
      serverInfo.requiresValidUser
        ? 'CouchDB answers nobody who does not sign in (require_valid_user).'
        : 'CouchDB answers whoever does not sign in with its version and little else; [chttpd] require_valid_user = true would end that.',
    ),
    evaluateClock(serverInfo.clockOffsetMs),
    ...(await checkNodes(admin)),
  ];
}

export function evaluateClock(offsetMs: ServerInfo['clockOffsetMs']): Finding {
  if (offsetMs === undefined) return skippedFinding('clock', 'CouchDB does not say what time it is.');
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  if (Math.abs(offsetMs) <= MAX_CLOCK_SKEW_MS) return okFinding('clock', 'This clock and that of CouchDB agree.');
  const direction = offsetMs > 0 ? 'ahead of' : 'behind';
  return errorFinding(
    'clock',
    `The clock of CouchDB is ${seconds} s ${direction} this one, so tokens end too early or too late; have both set by NTP.`,
  );
}

async function checkNodes(admin: DoctorContext['admin']): Promise<Finding[]> {
  if (admin === undefined) return [skippedFinding('settings', `The settings of CouchDB's nodes: ${ADMIN_REQUIRED}.`)];
  const members = await readClusterNodes(admin.couch);
  const findings: Finding[] = [];
  for (const { name, up } of members) {
    if (!up) {
      findings.push(
        errorFinding(
          'nodes',
          `The node ${name} of the cluster does not answer; start it, or take it out of the cluster.`,
        ),
      );
      continue;
    }
    const chttpd = await readConfigSection(admin.couch, name, 'chttpd');
    findings.push(
      hasJwtHandler(chttpd['authentication_handlers'])
        ? okFinding('JWT handler', `The JWT handler is set on ${name}.`)
        : errorFinding(
            'JWT handler',
            `The JWT handler is not set on ${name}, which takes no token of a user's; run "npm run setup".`,
          ),
    );
    const couchdb = await readConfigSection(admin.couch, name, 'couchdb');
    if (couchdb['users_db_security_editable'] === 'true') {
      findings.push(
        errorFinding(
          'settings',
          `[couchdb] users_db_security_editable is true on ${name}, so that who may use the accounts can be changed; unless you want that, remove it.`,
        ),
      );
    }
    findings.push(await checkConnectionLimit(admin, name, chttpd));
  }
  return findings;
}

/** Each gate has at most this many connections to CouchDB. */
const CONNECTIONS_PER_GATE = 16;
const MIN_GATES = 4;

async function checkConnectionLimit(
  admin: NonNullable<DoctorContext['admin']>,
  node: string,
  chttpd: Record<string, string>,
): Promise<Finding> {
  const httpd = await readConfigSection(admin.couch, node, 'httpd');
  const maxConnections =
    chttpd['max_connections'] ??
    httpd['max_connections'] ??
    /\{\s*max\s*,\s*(\d+)/.exec(chttpd['server_options'] ?? '')?.[1];
  if (maxConnections === undefined)
    return okFinding('connections', `The connections that ${node} accepts are not limited by a setting.`);
  return Number(maxConnections) < CONNECTIONS_PER_GATE * MIN_GATES
    ? errorFinding(
        'connections',
        `${node} accepts ${maxConnections} connections, and each gate takes ${CONNECTIONS_PER_GATE}; raise max_connections.`,
      )
    : okFinding(
        'connections',
        `${node} accepts ${maxConnections} connections; each gate takes ${CONNECTIONS_PER_GATE}.`,
      );
}
