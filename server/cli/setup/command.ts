import { setTimeout as pause } from 'node:timers/promises';
import { ConfigError } from '../../config/config.ts';
import { tokenRefusal } from '../../upstream/schema/verify-schema.ts';
import { openUpstream, type Upstream } from '../../upstream/client.ts';
import { readDatabaseDesign, type DatabaseDesign } from '../../upstream/schema/design-documents.ts';
import { keyIdOf } from '../../upstream/jwt-key-id.ts';
import { reasonOf, SetUpError } from '../../upstream/setup-error.ts';
import { applyStep, type Made } from './apply/apply.ts';
import { gateEnvironment, shownOnce } from './print-environment.ts';
import { meet, requireAdmin } from '../server-info.ts';
import { observe } from './observe/observe.ts';
import { isDone, planSetUp } from './plan/plan.ts';
import { readSetUpRequest, SET_UP_HELP, type SetUpRequest } from './parse-options.ts';
import { wordsFor, type Plan } from './steps.ts';

export interface CommandOptions {
  readonly argv: readonly string[];
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Takes a line. */
  readonly print: (line: string) => void;
  /** Takes a line about what is wrong. */
  readonly complain: (line: string) => void;
  /** What stands in the registry; read from its files unless given. */
  readonly design?: DatabaseDesign;
}

/** `pouchgate setup`: resolves with the exit code, and says everything itself. */
export async function setUpCommand(options: CommandOptions): Promise<number> {
  const { argv, env, print, complain } = options;
  try {
    const request = readSetUpRequest(argv, env);
    if (request !== 'help') return await setUpCouch(request, options);
    print(SET_UP_HELP);
    return 0;
  } catch (error) {
    if (!(error instanceof ConfigError) && !(error instanceof SetUpError)) {
      complain(`Set-up failed in a way that nobody expected: ${reasonOf(error)}`);
      return 1;
    }
    complain(error.message);
    return 1;
  }
}

async function setUpCouch(request: SetUpRequest, options: CommandOptions): Promise<number> {
  const { print, complain } = options;
  const upstream = openUpstream(request.access);
  try {
    const met = await meet(upstream);
    requireAdmin(met, request.access);
    print(`CouchDB ${met.version} at ${request.access.url}`);
    const wanted = {
      ...request,
      design: options.design ?? (await readDatabaseDesign(request.idPrefix)),
      admin: request.access.username,
    };
    const observed = await observe(upstream, met.version, wanted);
    const plan = planSetUp(observed, wanted);
    if (plan.refusals.length > 0) {
      for (const sentence of plan.refusals) complain(sentence);
      complain('Nothing was changed.');
      return 1;
    }
    if (request.dryRun) {
      showPlan(plan, print);
      return 0;
    }
    const nodes = observed.nodes.map(({ name }) => name);
    return await carryOut(upstream, plan, nodes, request, print);
  } finally {
    await upstream.close();
  }
}

function showPlan(plan: Plan, print: (line: string) => void): void {
  for (const item of plan.items)
    print(item.kind === 'step' ? `would   ${wordsFor(item.step)}` : `${item.kind}   ${item.sentence}`);
  print(isDone(plan) ? 'There is nothing to change.' : 'Nothing was changed: this was a dry run.');
}

/** What was made is shown even when a later step fails: nobody could know it otherwise. */
async function carryOut(
  upstream: Upstream,
  plan: Plan,
  nodes: readonly string[],
  request: SetUpRequest,
  print: (line: string) => void,
): Promise<number> {
  let made: Made = {};
  try {
    for (const item of plan.items) {
      if (item.kind !== 'step') {
        print(`${item.kind}   ${item.sentence}`);
        continue;
      }
      if (item.step.kind === 'unset') await checkKey(upstream, request.jwtSecret, () => undefined);
      made = { ...made, ...(await applyStep(upstream, item.step, nodes)) };
      print(`done    ${wordsFor(item.step)}`);
    }
    await checkKey(upstream, made.jwtSecret ?? request.jwtSecret, print);
  } finally {
    const once = shownOnce(made);
    print(isDone(plan) ? 'Nothing had to be changed.' : '');
    print("The gates' environment:\n");
    for (const line of gateEnvironment(request, made)) print(line);
    if (once !== undefined) print(`\n${once}`);
  }
  return 0;
}

const MOST_ATTEMPTS = 20;
/** In ms. A node may be about to open its port, or has not heard of the key yet. */
const LOOK_AGAIN = 250;

async function checkKey(upstream: Upstream, secret: Buffer | undefined, print: (line: string) => void): Promise<void> {
  if (secret === undefined) return;
  let refusal: string | undefined;
  for (let attempt = 0; attempt < MOST_ATTEMPTS; attempt += 1) {
    refusal = await tokenRefusal(upstream, secret).catch(reasonOf);
    if (refusal === undefined) {
      print(`found   that CouchDB takes tokens of the key hmac:${keyIdOf(secret)}`);
      return;
    }
    await pause(LOOK_AGAIN);
  }
  throw new SetUpError(
    `CouchDB does not take tokens of the key hmac:${keyIdOf(secret)} (${refusal ?? ''}). Restart its nodes one after the other, and run this again.`,
  );
}
