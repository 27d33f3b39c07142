import { randomBytes } from 'node:crypto';
import { CommandError } from '../command-error.ts';
import type { AttackContext } from './context.ts';
import type { AttackCommandOptions } from './command.ts';
import { openCredentials } from './credentials/open-credentials.ts';
import { signOut } from './credentials/sign-in.ts';
import { ATTACK_LIST } from './entries.ts';
import { runFuzz } from './fuzz.ts';
import type { AttackNames } from './generate/names.ts';
import { AttackClient } from './http/attack-client.ts';
import { ownTexts } from './judge/leaks.ts';
import { measureTiming } from './measure-timing.ts';
import type { AttackOptions } from './parse-options.ts';
import { createRedaction, type AttackReport } from './report.ts';
import { runList, type EntryResult } from './run-list.ts';
import { TestUser, type Credentials } from './users/test-user.ts';

/** The default name of the database of sessions, which a deployment may have changed. */
const SESSIONS_DATABASE = 'pouchgate_sessions';

type Environment = Pick<AttackCommandOptions, 'env' | 'terminal' | 'signal' | 'printError'>;

/**
 * Runs a whole attack, and restores the preferences of both users.
 *
 * @throws {CommandError | UsageError} If the attack could not be started.
 */
export async function runAttack(
  options: AttackOptions,
  environment: Environment,
): Promise<{ report: AttackReport; isInterrupted: boolean }> {
  const { target } = options;
  const { env, terminal, printError } = environment;
  const client = new AttackClient(target, options.rate);
  const notes: string[] = [];
  const onNote = (sentence: string): void => {
    notes.push(sentence);
    if (!options.json) printError(sentence);
  };
  try {
    const credentials = await openCredentials(options, { env, terminal, client, target, onNote });
    try {
      return await attackAs(credentials, options, { ...environment, client, notes });
    } finally {
      for (const each of credentials) await signOut(client, target, each).catch(() => undefined);
    }
  } finally {
    client.close();
  }
}

interface Run extends Environment {
  readonly client: AttackClient;
  readonly notes: string[];
}

async function attackAs(
  [a, b]: readonly [Credentials, Credentials],
  options: AttackOptions,
  run: Run,
): Promise<{ report: AttackReport; isInterrupted: boolean }> {
  const { target, idPrefix, preference, json } = options;
  const { client, notes, signal, printError, env } = run;
  const startedAt = performance.now();
  const seed = options.seed ?? randomBytes(4).readUInt32BE();
  const place = { client, path: `${target.base}/${target.database}`, idPrefix };
  const attacker = await TestUser.open('A', a, place);
  const victim = await TestUser.open('B', b, place);
  if (attacker.names.id === victim.names.id)
    throw new CommandError(`Both users are ${attacker.names.username}. Pass the tokens of two different users.`);
  const redact = createRedaction([a.token, b.token, a.cookie, b.cookie, env['ATTACK_EXPIRED_TOKEN']]);
  const results: EntryResult[] = [];
  const onResult = (result: EntryResult): void => {
    results.push(result);
    if (!json) printError(`${result.findings.length === 0 ? 'ok   ' : 'FOUND'} ${result.group}: ${result.request}`);
  };
  let isInterrupted = false;
  try {
    await Promise.all([attacker, victim].map((user) => user.plantCanary(preference)));
    if (!victim.hasCanary)
      notes.push('User B could not write a random text, so leaks are recognized by revisions and ids only.');
    const context = createContext({ options, run, attacker, victim });
    await sendAll(context, options, seed, onResult, notes);
  } catch (error) {
    if (!signal.aborted) throw error;
    isInterrupted = true;
  } finally {
    for (const user of [attacker, victim]) {
      if (user.hasCanary && !(await user.restore().catch(() => false)))
        notes.push(`The preferences of user ${user.label} could not be restored.`);
    }
  }
  const report: AttackReport = {
    target: `${target.origin}${place.path}`,
    users: { A: attacker.names.id, B: victim.names.id },
    seed,
    results: results.map((result) => ({
      ...result,
      findings: result.findings.map(({ request, observation }) => ({
        request: redact(request),
        observation: redact(observation),
      })),
    })),
    notes: notes.map(redact),
    requests: client.sentCount,
    seconds: Math.round((performance.now() - startedAt) / 100) / 10,
  };
  return { report, isInterrupted };
}

async function sendAll(
  context: AttackContext,
  { only, requests, seconds }: AttackOptions,
  seed: number,
  onResult: (result: EntryResult) => void,
  notes: string[],
): Promise<void> {
  const entries = ATTACK_LIST.filter(({ group }) => only.includes(group));
  const results = await runList(entries, context, onResult);
  const isClean = results.every(({ findings }) => findings.length === 0);
  if (isClean) notes.push(await measureTiming(context));
  if (requests === 0) return;
  if (!isClean)
    notes.push('No random requests were sent, because with what was found they could damage other documents.');
  else onResult(await runFuzz(context, { seed, requests, seconds }));
}

function createContext(options: {
  options: AttackOptions;
  run: Run;
  attacker: TestUser;
  victim: TestUser;
}): AttackContext {
  const { attacker, victim, run } = options;
  const { target } = options.options;
  const names: AttackNames = {
    base: target.base,
    database: target.database,
    sessions: SESSIONS_DATABASE,
    own: attacker.names,
    other: victim.names,
  };
  const prefix = victim.names.id.slice(0, victim.names.id.length - victim.names.username.length);
  return {
    target,
    names,
    path: `${target.base}/${target.database}`,
    client: run.client,
    attacker,
    victim,
    missingId: `${prefix}${randomBytes(8).toString('hex')}`,
    expiredToken: run.env['ATTACK_EXPIRED_TOKEN'],
    signal: run.signal,
    secrets: () => ({ texts: victim.secrets, names }),
    ownTexts: ownTexts({ body: JSON.stringify(attacker.document) }),
  };
}
