import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError } from '../../config/config.ts';
import { getTokenRejection } from '../../upstream/schema/verify-schema.ts';
import { openUpstream, type Upstream } from '../../upstream/client.ts';
import { readDatabaseDesign, type DatabaseDesign } from '../../upstream/schema/design-documents.ts';
import { keyIdOf } from '../../upstream/jwt-key-id.ts';
import { errorMessage, SetupError } from '../../upstream/setup-error.ts';
import { applyStep, type GeneratedSecrets } from './apply/apply.ts';
import { formatGateEnvironment, describeGeneratedSecrets } from './print-environment.ts';
import { readServerInfo, requireAdmin } from '../server-info.ts';
import { readCurrentState } from './observe/observe.ts';
import { isUpToDate, planSetup } from './plan/plan.ts';
import { parseSetupOptions, SETUP_HELP, type SetupOptions } from './parse-options.ts';
import { describeStep, type Plan } from './steps.ts';

export interface CommandOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes a line. */
  readonly print: (line: string) => void;
  /** Takes a line about what is wrong. */
  readonly printError: (line: string) => void;
  /** What stands in the registry; read from its files unless given. */
  readonly design?: DatabaseDesign;
}

/** `pouchgate setup`: resolves with the exit code, and says everything itself. */
export async function setupCommand(options: CommandOptions): Promise<number> {
  const { argv, env, print, printError } = options;
  try {
    const request = parseSetupOptions(argv, env);
    if (request !== 'help') return await setUpCouchdb(request, options);
    print(SETUP_HELP);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof SetupError)) {
      printError(`Set-up failed in a way that nobody expected: ${errorMessage(error)}`);
      return 1;
    }
    printError(error.message);
    return 1;
  }
}

async function setUpCouchdb(request: SetupOptions, options: CommandOptions): Promise<number> {
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
    const nodes = current.nodes.map(({ name }) => name);
    return await applyPlan(upstream, plan, nodes, request, print);
  } finally {
    await upstream.close();
  }
}

function printPlan(plan: Plan, print: (line: string) => void): void {
  for (const item of plan.items)
    print(item.kind === 'step' ? `would   ${describeStep(item.step)}` : `${item.kind}   ${item.sentence}`);
  print(isUpToDate(plan) ? 'There is nothing to change.' : 'Nothing was changed: this was a dry run.');
}

/** What was made is shown even when a later step fails: nobody could know it otherwise. */
async function applyPlan(
  upstream: Upstream,
  plan: Plan,
  nodes: readonly string[],
  request: SetupOptions,
  print: (line: string) => void,
): Promise<number> {
  let generated: GeneratedSecrets = {};
  try {
    for (const item of plan.items) {
      if (item.kind !== 'step') {
        print(`${item.kind}   ${item.sentence}`);
        continue;
      }
      if (item.step.kind === 'unset') await verifyJwtKey(upstream, request.jwtSecret, () => undefined);
      generated = { ...generated, ...(await applyStep(upstream, item.step, nodes)) };
      print(`done    ${describeStep(item.step)}`);
    }
    await verifyJwtKey(upstream, generated.jwtSecret ?? request.jwtSecret, print);
  } finally {
    const notice = describeGeneratedSecrets(generated);
    print(isUpToDate(plan) ? 'Nothing had to be changed.' : '');
    print("The gates' environment:\n");
    for (const line of formatGateEnvironment(request, generated)) print(line);
    if (notice !== undefined) print(`\n${notice}`);
  }
  return 0;
}

const MAX_ATTEMPTS = 20;
/** In ms. A node may be about to open its port, or has not heard of the key yet. */
const RETRY_DELAY_MS = 250;

async function verifyJwtKey(
  upstream: Upstream,
  secret: Buffer | undefined,
  print: (line: string) => void,
): Promise<void> {
  if (secret === undefined) return;
  let refusal: string | undefined;
  for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt += 1) {
    refusal = await getTokenRejection(upstream, secret).catch(errorMessage);
    if (refusal === undefined) {
      print(`found   that CouchDB takes tokens of the key hmac:${keyIdOf(secret)}`);
      return;
    }
    await pause(RETRY_DELAY_MS);
  }
  throw new SetupError(
    `CouchDB does not take tokens of the key hmac:${keyIdOf(secret)} (${refusal ?? ''}). Restart its nodes one after the other, and run this again.`,
  );
}
