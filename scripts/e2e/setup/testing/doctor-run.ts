import { randomBytes } from 'node:crypto';
import { doctorCommand } from '../../../../server/cli/doctor/command.ts';
import type { Finding } from '../../../../server/cli/doctor/finding.ts';
import {
  readClusterNodes,
  readConfigValue,
  restoreConfigValue,
  writeConfigValue,
} from '../../../../server/cli/setup/observe/node-config.ts';
import type { SetupFixture } from './fixture.ts';

type Environment = Readonly<Record<string, string>>;

/** The doctor in the environment of a gate that set-up has prepared. */
export interface DoctorRun {
  /** The gate's environment. */
  readonly env: Environment;
  /** The variables with which the doctor may read everything. */
  readonly admin: Environment;
  /** Runs it with further variables. Default: `admin`. */
  readonly findAll: (
    extraEnv?: Environment,
  ) => Promise<{ readonly code: number; readonly findings: readonly Finding[] }>;
  /** The errors, as `check: sentence`, without the limit on open files, which depends on the machine. */
  readonly findErrors: (extraEnv?: Environment) => Promise<readonly string[]>;
}

export async function prepareDoctor({ run, access }: SetupFixture): Promise<DoctorRun> {
  const secretEnv = { COUCHDB_JWT_SECRET: randomBytes(32).toString('base64') };
  const { environment } = await run(['--new-password'], secretEnv);
  const env = { ...environment, ...secretEnv, JWT_SECRET: randomBytes(32).toString('hex') };
  const admin = { COUCHDB_ADMIN_USER: access.username, COUCHDB_ADMIN_PASSWORD: access.password };
  const findAll: DoctorRun['findAll'] = async (extraEnv = admin) => {
    const lines: string[] = [];
    const collect = (line: string): number => lines.push(line);
    const options = { argv: ['--json'], env: { ...env, ...extraEnv }, print: collect, printError: collect };
    const code = await doctorCommand(options);
    const { well, findings } = JSON.parse(lines.join('\n')) as { well: boolean; findings: Finding[] };
    expect(code).toBe(well ? 0 : 1);
    return { code, findings };
  };
  return {
    env,
    admin,
    findAll,
    findErrors: async (extraEnv) =>
      (await findAll(extraEnv)).findings.flatMap(({ check, state, sentence }) =>
        state === 'wrong' && check !== 'open files' ? [`${check}: ${sentence}`] : [],
      ),
  };
}

/** Runs a test while every node has a setting with this value. */
export async function withSetting(
  { couch }: SetupFixture,
  setting: { readonly section: string; readonly key: string; readonly value: string },
  test: () => Promise<void>,
): Promise<void> {
  const nodes = (await readClusterNodes(couch)).map(({ name }) => name);
  const before = await Promise.all(nodes.map((node) => readConfigValue(couch, node, setting)));
  try {
    for (const node of nodes) await writeConfigValue(couch, node, setting, setting.value);
    await test();
  } finally {
    for (const [index, node] of nodes.entries()) await restoreConfigValue(couch, node, setting, before[index]);
  }
}
