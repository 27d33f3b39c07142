import { readClusterNodes, readConfigSection } from '../setup/observe/node-config.ts';
import { hasJwtHandler } from '../setup/plan/auth-handlers.ts';
import type { ServerInfo } from '../server-info.ts';
import { okFinding, skippedFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import { ADMIN_REQUIRED, type DoctorContext } from './context.ts';

/** Tokens expire by the clock, and edit stamps are compared with it. */
const MAX_CLOCK_SKEW_MS = 5_000;

/** Checks the server's version, its clock, and the settings of its nodes. */
export async function checkServer({ serverInfo, upstream, admin }: DoctorContext): Promise<Finding[]> {
  return [
    okFinding('reachable', `CouchDB responds at ${upstream.access.url}.`),
    okFinding('version', `CouchDB has version ${serverInfo.version}.`),
    okFinding('admin party', 'CouchDB has an administrator, and treats no other client as one.'),
    infoFinding(
      'require_valid_user',
      serverInfo.requiresValidUser
        ? 'CouchDB rejects anonymous requests (require_valid_user).'
        : 'CouchDB returns its version and little else to anonymous requests; [chttpd] require_valid_user = true prevents that.',
    ),
    evaluateClock(serverInfo.clockOffsetMs),
    ...(await checkNodes(admin)),
  ];
}

/** Wrong if the clock is off by more than `MAX_CLOCK_SKEW_MS`. */
export function evaluateClock(offsetMs: ServerInfo['clockOffsetMs']): Finding {
  if (offsetMs === undefined) return skippedFinding('clock', 'The responses of CouchDB have no date.');
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  if (Math.abs(offsetMs) <= MAX_CLOCK_SKEW_MS)
    return okFinding('clock', 'The clocks of CouchDB and of this machine agree.');
  const direction = offsetMs > 0 ? 'ahead of' : 'behind';
  return errorFinding(
    'clock',
    `The clock of CouchDB is ${seconds} s ${direction} this one, so tokens expire too early or too late. Synchronise both by NTP.`,
  );
}

async function checkNodes(admin: DoctorContext['admin']): Promise<Finding[]> {
  if (admin === undefined)
    return [skippedFinding('settings', `Checking the settings of CouchDB's nodes ${ADMIN_REQUIRED}.`)];
  const members = await readClusterNodes(admin.couch);
  const findings: Finding[] = [];
  for (const { name, up } of members) {
    if (!up) {
      findings.push(
        errorFinding(
          'nodes',
          `The node ${name} of the cluster does not respond. Start it, or remove it from the cluster.`,
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
            `The JWT handler is not set on ${name}, which therefore accepts no token. Run "npm run setup".`,
          ),
    );
    const couchdb = await readConfigSection(admin.couch, name, 'couchdb');
    if (couchdb['users_db_security_editable'] === 'true') {
      findings.push(
        errorFinding(
          'settings',
          `[couchdb] users_db_security_editable is true on ${name}, so the access rules of the accounts can be changed. Remove it unless you need that.`,
        ),
      );
    }
    findings.push(await checkConnectionLimit(admin, name, chttpd));
  }
  return findings;
}

/** The limit of each gate's connections to CouchDB. */
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
    return okFinding('connections', `No setting limits the connections that ${node} accepts.`);
  return Number(maxConnections) < CONNECTIONS_PER_GATE * MIN_GATES
    ? errorFinding(
        'connections',
        `${node} accepts ${maxConnections} connections, and each gate uses ${CONNECTIONS_PER_GATE}. Raise max_connections.`,
      )
    : okFinding(
        'connections',
        `${node} accepts ${maxConnections} connections; each gate uses ${CONNECTIONS_PER_GATE}.`,
      );
}
