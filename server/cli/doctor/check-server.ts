import { okFinding, skippedFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import { checkNodes } from './check-nodes.ts';
import type { DoctorContext } from './context.ts';

/** The gates date edits by CouchDB's clock, and end sessions and tokens by their own. */
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
    evaluateClock(upstream.clock.offset?.offsetMs),
    ...(await checkNodes(context)),
  ];
}

/** `offsetMs` is CouchDB's time minus that of this machine. Wrong if it is more than `MAX_CLOCK_SKEW_MS`. */
export function evaluateClock(offsetMs: number | undefined): Finding {
  if (offsetMs === undefined) return skippedFinding('clock', 'The responses of CouchDB have no date.');
  const seconds = Math.round(Math.abs(offsetMs) / 1000);
  if (Math.abs(offsetMs) <= MAX_CLOCK_SKEW_MS)
    return okFinding('clock', 'The clocks of CouchDB and of this machine agree.');
  const direction = offsetMs > 0 ? 'ahead of' : 'behind';
  return errorFinding(
    'clock',
    `The clock of CouchDB is ${seconds} s ${direction} this one. The gates date edits by CouchDB's clock, and users' tokens and sessions end by that of the gates, so one of them happens at a wrong time. Synchronise both machines by NTP (timedatectl set-ntp true).`,
  );
}
