import { maxIdsPerRead } from '../../registry/doc-ids-limit.ts';
import { readClusterNodes } from '../setup/observe/node-config.ts';
import { ADMIN_REQUIRED, type DoctorContext } from './context.ts';
import { errorFinding, skippedFinding, type Finding } from './finding.ts';
import { evaluateDifferences } from './settings/differences.ts';
import { evaluateConnections, evaluateDocIdsThreshold, evaluateSizeLimits } from './settings/limits.ts';
import { readNodeSettings } from './settings/node-settings.ts';
import { evaluateSecuritySettings } from './settings/security.ts';
import { evaluateTokenSettings } from './settings/tokens.ts';

/** Checks the settings of every node of the cluster, as a server admin. */
export async function checkNodes({ admin, config, jwtSecret, serverInfo }: DoctorContext): Promise<Finding[]> {
  if (admin === undefined)
    return [skippedFinding('settings', `Checking the settings of CouchDB's nodes ${ADMIN_REQUIRED}.`)];
  const { version } = serverInfo;
  const threshold = config.upstream.kind === 'couchdb' ? config.upstream.docIdsThreshold : undefined;
  const maxIds = maxIdsPerRead(threshold, version);
  const members = await readClusterNodes(admin.couch);
  const unreachable = members.filter(({ up }) => !up);
  const nodes = await Promise.all(
    members.filter(({ up }) => up).map(({ name }) => readNodeSettings(admin.couch, name)),
  );
  return [
    ...unreachable.map(({ name }) =>
      errorFinding(
        'nodes',
        `The node ${name} of the cluster does not respond. Start it, or remove it from the cluster.`,
      ),
    ),
    ...nodes.flatMap((node) => [
      ...evaluateTokenSettings(node, version, jwtSecret),
      ...evaluateSecuritySettings(node),
      ...evaluateSizeLimits(node),
      evaluateDocIdsThreshold(node, version, maxIds),
      evaluateConnections(node),
    ]),
    ...evaluateDifferences(nodes),
  ];
}
