import type { ServerInfo } from '../server-info.ts';
import { okFinding, skippedFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import { checkNodes } from './check-nodes.ts';
import type { DoctorContext } from './context.ts';

/** Tokens expire by the clock, and edit stamps are compared with it. */
const MAX_CLOCK_SKEW_MS = 5_000;

/** Checks the server's version, its clock, and the settings of its nodes. */
export async function checkServer(context: DoctorContext): Promise<Finding[]> {
  const { serverInfo, upstream } = context;
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
    ...(await checkNodes(context)),
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
