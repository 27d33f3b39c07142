import pRetry from 'p-retry';
import { ConfigError } from '../../config/config.ts';
import { openUpstream, type Upstream } from '../../upstream/client.ts';
import { keyIdOf } from '../../upstream/jwt-key-id.ts';
import { readDatabaseDesign, type DatabaseDesign } from '../../upstream/schema/design-documents.ts';
import { getTokenRejection } from '../../upstream/schema/verify-schema.ts';
import { errorMessage, SetupError } from '../../upstream/setup-error.ts';
import { readServerInfo, requireAdmin } from '../server-info.ts';
import type { CommandOptions } from '../types.ts';
import { applyStep, type GeneratedSecrets } from './apply/apply.ts';
import type { CurrentState } from './current-state.ts';
import { readCurrentState } from './observe/observe.ts';
import { parseSetupOptions, SETUP_HELP, type SetupOptions } from './parse-options.ts';
import { configuredDocIdsThreshold } from './plan/doc-ids-threshold.ts';
import { isUpToDate, planSetup } from './plan/plan.ts';
import { describeGeneratedSecrets, formatGateEnvironment } from './print-environment.ts';
import { describeStep, type Plan } from './steps.ts';

export interface SetupCommandOptions extends CommandOptions {
  /** The registry's design documents and access rules. Default: read from couchdb-design/user_registry. */
  readonly design?: DatabaseDesign;
}

/** `pouchgate setup`. Prints everything, also errors, and resolves with the exit code. */
export async function setupCommand(options: SetupCommandOptions): Promise<number> {
  const { argv, env, print, printError } = options;
  try {
    const request = parseSetupOptions(argv, env);
    if (request !== 'help') return await setUpCouchdb(request, options);
    print(SETUP_HELP);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof SetupError)) {
      printError(`Set-up failed with an unexpected error: ${errorMessage(error)}`);
      return 1;
    }
    printError(error.message);
    return 1;
  }
}

async function setUpCouchdb(request: SetupOptions, options: SetupCommandOptions): Promise<number> {
  const { print, printError } = options;
  const upstream = openUpstream(request.access);
  try {
    const serverInfo = await readServerInfo(upstream);
    requireAdmin(serverInfo, request.access);
    print(`CouchDB ${serverInfo.version} at ${request.access.url}`);
    const desired = {
      ...request,
      design: options.design ?? (await readDatabaseDesign(request.idPrefix)),
      admin: request.access.username,
    };
    const current = await readCurrentState(upstream, serverInfo.version, desired);
    const plan = planSetup(current, desired);
    if (plan.blockers.length > 0) {
      for (const sentence of plan.blockers) printError(sentence);
      printError('Nothing was changed.');
      return 1;
    }
    if (request.dryRun) {
      printPlan(plan, print);
      return 0;
    }
    return await applyPlan(upstream, plan, current, request, print);
  } finally {
    await upstream.close();
  }
}

function printPlan(plan: Plan, print: (line: string) => void): void {
  for (const item of plan.items)
    print(item.kind === 'step' ? `would   ${describeStep(item.step)}` : `${item.kind}   ${item.sentence}`);
  print(isUpToDate(plan) ? 'There is nothing to change.' : 'Nothing was changed: this was a dry run.');
}

/** Prints generated secrets even when a later step fails: they cannot be read again. */
async function applyPlan(
  upstream: Upstream,
  plan: Plan,
  current: CurrentState,
  request: SetupOptions,
  print: (line: string) => void,
): Promise<number> {
  const nodes = current.nodes.map(({ name }) => name);
  let generated: GeneratedSecrets = {};
  try {
    for (const item of plan.items) {
      if (item.kind !== 'step') {
        print(`${item.kind}   ${item.sentence}`);
        continue;
      }
      if (item.step.kind === 'delete-config') await verifyJwtKey(upstream, request.jwtSecret, () => undefined);
      generated = { ...generated, ...(await applyStep(upstream, item.step, nodes)) };
      print(`done    ${describeStep(item.step)}`);
    }
    await verifyJwtKey(upstream, generated.jwtSecret ?? request.jwtSecret, print);
  } finally {
    const notice = describeGeneratedSecrets(generated);
    print(isUpToDate(plan) ? 'Nothing had to be changed.' : '');
    print("The gates' environment:\n");
    for (const line of formatGateEnvironment(request, generated, configuredDocIdsThreshold(current))) print(line);
    if (notice !== undefined) print(`\n${notice}`);
  }
  return 0;
}

const MAX_ATTEMPTS = 20;
/** A node may be about to open its port, or may not have the key yet. */
const RETRY_DELAY_MS = 250;

async function verifyJwtKey(
  upstream: Upstream,
  secret: Buffer | undefined,
  print: (line: string) => void,
): Promise<void> {
  if (secret === undefined) return;
  const key = `hmac:${keyIdOf(secret)}`;
  const verify = async (): Promise<void> => {
    const rejection = await getTokenRejection(upstream, secret).catch(errorMessage);
    if (rejection === undefined) return;
    throw new SetupError(
      `CouchDB does not accept tokens of the key ${key} (${rejection}). Restart its nodes one after the other, and run this again.`,
    );
  };
  await pRetry(verify, { retries: MAX_ATTEMPTS - 1, minTimeout: RETRY_DELAY_MS, factor: 1 });
  print(`found   that CouchDB accepts tokens of the key ${key}`);
}
