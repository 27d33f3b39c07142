import { parseArgs } from 'node:util';
import { ConfigError, readConfig, type Config } from '../../config/config.ts';
import { readOpenFilesLimit } from '../../lifecycle/connection-limit.ts';
import type { CommandOptions } from '../types.ts';
import { readServerInfo } from '../server-info.ts';
import { openUpstream, type Upstream } from '../../upstream/client.ts';
import { readDatabaseDesign } from '../../upstream/schema/design-documents.ts';
import { SERVER_ADMIN } from '../../upstream/schema/security-objects.ts';
import { errorMessage, SetupError } from '../../upstream/setup-error.ts';
import { checkAccess } from './check-access.ts';
import { checkDesignDocuments } from './check-design-documents.ts';
import { checkDocuments } from './check-documents.ts';
import { CommandError } from '../command-error.ts';
import { openDeployment } from '../deployment.ts';
import { loadPreferenceRules } from '../load-schema.ts';
import { printableJson } from '../printable-json.ts';
import { evaluateOpenFiles } from './check-open-files.ts';
import { evaluateProxies } from './check-proxies.ts';
import { checkLeaves } from './check-leaves.ts';
import { checkProviderKeys } from './check-provider-keys.ts';
import { checkRevsLimit } from './check-revs-limit.ts';
import { checkServer } from './check-server.ts';
import { checkTokens } from './check-tokens.ts';
import { hasNoErrors, skippedFinding, infoFinding, errorFinding, type Finding } from './finding.ts';
import type { DoctorContext } from './context.ts';

const HELP = `Checks a deployment with the environment of its gates, and reports what is wrong and how to correct it.

Environment variables:
  those of the gates                           see docs/configuration.md
  PREFERENCES_MODULE                           the application's schema of preferences, as for "users"
  COUCHDB_ADMIN_USER, COUCHDB_ADMIN_PASSWORD   the credentials of a server admin, for the checks that require one

Options:
  --json   print {"well": …, "findings": […]}

As a server admin it creates an account, with a name that is not a valid username, to check what its password opens, and
deletes it again. The exit code is 0 if nothing is wrong, and 1 otherwise.`;

/** `pouchgate doctor`. Prints everything, also errors, and resolves with the exit code. */
export async function doctorCommand({ argv, env, print, printError }: CommandOptions): Promise<number> {
  let flags: { json: boolean; help: boolean };
  let config: Config;
  try {
    const options = {
      json: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
    } as const;
    flags = parseArgs({ args: [...argv], options, strict: true }).values;
    if (flags.help) {
      print(HELP);
      return 0;
    }
    config = readConfig(env);
  } catch (error) {
    printError(error instanceof ConfigError ? error.message : `${errorMessage(error)}\n\n${HELP}`);
    return 1;
  }
  let findings: Finding[];
  try {
    findings = await runChecks(config, env);
  } catch (error) {
    if (!(error instanceof CommandError)) throw error;
    printError(error.message);
    return 1;
  }
  const well = hasNoErrors(findings);
  if (flags.json) print(printableJson({ well, findings }));
  else {
    for (const { state, sentence } of findings) print(`${STATE_LABELS[state]} ${sentence}`);
    print(summarize(findings));
  }
  return well ? 0 : 1;
}

function summarize(findings: readonly Finding[]): string {
  const errorCount = findings.filter(({ state }) => state === 'wrong').length;
  if (errorCount === 0) return 'No problems found.';
  return errorCount === 1 ? 'One problem found.' : `${errorCount} problems found.`;
}

const STATE_LABELS: Readonly<Record<Finding['state'], string>> = {
  good: 'good        ',
  wrong: 'WRONG       ',
  told: 'note        ',
  'not-checked': 'not checked ',
};

async function runChecks(config: Config, env: CommandOptions['env']): Promise<Finding[]> {
  if (config.upstream.kind === 'embedded') {
    return [
      infoFinding(
        'upstream',
        'COUCHDB_URL is not set: the gate uses the embedded engine, which needs no other checks.',
      ),
      ...(await checkEmbeddedDocuments(config, env)),
      ...(await checkProviderKeys(config.tokens)),
    ];
  }
  const { access, jwtSecret } = config.upstream;
  const rules = await loadPreferenceRules(env['PREFERENCES_MODULE'], config.idPrefix);
  const upstream = openUpstream(access);
  const { COUCHDB_ADMIN_USER: username, COUCHDB_ADMIN_PASSWORD: password } = env;
  const configuredAdmin =
    username !== undefined && password !== undefined ? openUpstream({ ...access, username, password }) : undefined;
  try {
    const serverInfo = await readServerInfo(upstream);
    const findings: Finding[] = [];
    const admin = serverInfo.roles.includes(SERVER_ADMIN) ? upstream : await verifyAdmin(configuredAdmin, findings);
    const design = await readDatabaseDesign(config.idPrefix);
    const context: DoctorContext = {
      config,
      upstream,
      admin,
      serverInfo,
      design,
      rules,
      jwtSecret,
      openFiles: readOpenFilesLimit(),
    };
    for (const [name, check] of CHECKS) {
      findings.push(
        ...(await check(context).catch((error: unknown) => [skippedFinding(name, `${name}: ${errorMessage(error)}`)])),
      );
    }
    return findings;
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    return [errorFinding('reachable', error.message)];
  } finally {
    await upstream.close();
    await configuredAdmin?.close();
  }
}

const CHECKS: readonly (readonly [string, (context: DoctorContext) => Promise<Finding[]>])[] = [
  ['server', checkServer],
  ['tokens', checkTokens],
  ['provider keys', ({ config }) => checkProviderKeys(config.tokens)],
  ['access', checkAccess],
  ['design documents', checkDesignDocuments],
  [
    'documents',
    ({ upstream: { couch }, config: { registry, idPrefix }, rules }) =>
      checkDocuments({ couch, registry, idPrefix, rules }),
  ],
  ['leaves', checkLeaves],
  ['revs_limit', checkRevsLimit],
  ['reverse proxy', ({ config }) => Promise.resolve([evaluateProxies(config)])],
  ['open files', ({ openFiles }) => Promise.resolve([evaluateOpenFiles(openFiles)])],
];

/** The documents of the embedded engine can be read while no server uses them. */
async function checkEmbeddedDocuments(config: Config, env: CommandOptions['env']): Promise<Finding[]> {
  try {
    const deployment = await openDeployment(config, env);
    const { upstream, registry, idPrefix, rules } = deployment;
    return await checkDocuments({ couch: upstream.couch, registry, idPrefix, rules }).finally(() => deployment.close());
  } catch (error) {
    if (error instanceof CommandError || error instanceof SetupError)
      return [skippedFinding('documents', `Documents were not checked. ${error.message}`)];
    throw error;
  }
}

/** Resolves with undefined, and adds a finding with the reason, if the account is not a server admin. */
async function verifyAdmin(candidate: Upstream | undefined, findings: Finding[]): Promise<Upstream | undefined> {
  if (candidate === undefined) return undefined;
  try {
    if ((await readServerInfo(candidate, { variables: 'COUCHDB_ADMIN' })).roles.includes(SERVER_ADMIN))
      return candidate;
    findings.push(errorFinding('admin', 'COUCHDB_ADMIN_USER is not a server admin.'));
  } catch (error) {
    if (!(error instanceof SetupError)) throw error;
    findings.push(errorFinding('admin', error.message));
  }
  return undefined;
}
