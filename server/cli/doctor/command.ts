import { parseArgs } from 'node:util';
import { ConfigError, readConfig, type Config } from '../../config/config.ts';
import { openFilesLimit } from '../../lifecycle/connection-limit.ts';
import type { CommandOptions } from '../setup/command.ts';
import { meet } from '../server-info.ts';
import { openUpstream, type Upstream } from '../../upstream/client.ts';
import { readDatabaseDesign } from '../../upstream/schema/design-documents.ts';
import { SERVER_ADMIN } from '../../upstream/schema/security-objects.ts';
import { reasonOf, SetUpError } from '../../upstream/setup-error.ts';
import { checkAccess } from './check-access.ts';
import { checkDesigns } from './check-design-documents.ts';
import { checkDocuments } from './check-documents.ts';
import { judgeOpenFiles } from './check-open-files.ts';
import { checkServer } from './check-server.ts';
import { checkTokens } from './check-tokens.ts';
import { isWell, notChecked, told, wrong, type Finding } from './finding.ts';
import type { Patient } from './context.ts';

const HELP = `Looks at a deployment with the environment that its gates have, and says what is wrong and how it is mended.

In the environment:
  what the gates have                                 see README
  COUCHDB_ADMIN_USER, COUCHDB_ADMIN_PASSWORD          a server admin, for what only one may look at

  --json   answers {"well": …, "findings": […]}

As a server admin it makes an account whose name no user can have, to see what its password opens, and removes it again.
The exit code is 0 when all is well, and 1 otherwise.`;

/** `pouchgate doctor`: resolves with the exit code, and says everything itself. */
export async function doctorCommand({ argv, env, print, complain }: CommandOptions): Promise<number> {
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
    complain(error instanceof ConfigError ? error.message : `${reasonOf(error)}\n\n${HELP}`);
    return 1;
  }
  const findings = await examine(config, env);
  const well = isWell(findings);
  if (flags.json) print(JSON.stringify({ well, findings }, null, 2));
  else {
    for (const { state, sentence } of findings) print(`${MARKS[state]} ${sentence}`);
    print(verdictOf(findings));
  }
  return well ? 0 : 1;
}

function verdictOf(findings: readonly Finding[]): string {
  const faults = findings.filter(({ state }) => state === 'wrong').length;
  if (faults === 0) return 'All is well.';
  return faults === 1 ? 'One thing is wrong.' : `${faults} things are wrong.`;
}

const MARKS: Readonly<Record<Finding['state'], string>> = {
  good: 'good        ',
  wrong: 'WRONG       ',
  told: 'told        ',
  'not-checked': 'not checked ',
};

async function examine(config: Config, env: CommandOptions['env']): Promise<Finding[]> {
  if (config.upstream.kind === 'embedded') {
    return [
      told(
        'upstream',
        'COUCHDB_URL is not set: the gate has an engine of its own, of which there is nothing to check.',
      ),
    ];
  }
  const { access, jwtSecret } = config.upstream;
  const upstream = openUpstream(access);
  const { COUCHDB_ADMIN_USER: username, COUCHDB_ADMIN_PASSWORD: password } = env;
  const other =
    username !== undefined && password !== undefined ? openUpstream({ ...access, username, password }) : undefined;
  try {
    const met = await meet(upstream);
    const findings: Finding[] = [];
    const admin = met.roles.includes(SERVER_ADMIN) ? upstream : await asAdmin(other, findings);
    const design = await readDatabaseDesign(config.idPrefix);
    const patient: Patient = { config, upstream, admin, met, design, jwtSecret, openFiles: openFilesLimit() };
    for (const [name, check] of CHECKS) {
      findings.push(
        ...(await check(patient).catch((error: unknown) => [notChecked(name, `${name}: ${reasonOf(error)}`)])),
      );
    }
    return findings;
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    return [wrong('reachable', error.message)];
  } finally {
    await upstream.close();
    await other?.close();
  }
}

const CHECKS: readonly (readonly [string, (patient: Patient) => Promise<Finding[]>])[] = [
  ['server', checkServer],
  ['tokens', checkTokens],
  ['access', checkAccess],
  ['design documents', checkDesigns],
  ['documents', checkDocuments],
  ['open files', ({ openFiles }) => Promise.resolve([judgeOpenFiles(openFiles)])],
];

/** Undefined, with a finding that says why, when it is not one. */
async function asAdmin(other: Upstream | undefined, findings: Finding[]): Promise<Upstream | undefined> {
  if (other === undefined) return undefined;
  try {
    if ((await meet(other)).roles.includes(SERVER_ADMIN)) return other;
    findings.push(wrong('admin', 'COUCHDB_ADMIN_USER is not a server admin.'));
  } catch (error) {
    if (!(error instanceof SetUpError)) throw error;
    findings.push(
      wrong(
        'admin',
        error.message
          .replace('COUCHDB_USER', 'COUCHDB_ADMIN_USER')
          .replace('COUCHDB_PASSWORD', 'COUCHDB_ADMIN_PASSWORD'),
      ),
    );
  }
  return undefined;
}
