import { randomBytes } from 'node:crypto';
import type { ServerScope } from 'nano';
import { connect, statusOf, type UpstreamAccess } from '../../../../server/upstream/client.ts';
import type { DatabaseDesign } from '../../../../server/upstream/schema/design-documents.ts';
import { startMemoryEngine } from '../../../../server/testing/memory-engine.ts';
import { parseSeq, seqNumber } from '../../../../server/upstream/feed/row.ts';
import { readSecurity } from '../../../../server/upstream/schema/security-objects.ts';
import { applySecurity } from '../../../../server/cli/setup/apply/security.ts';
import { setupCommand } from '../../../../server/cli/setup/command.ts';
import {
  deleteConfigValue,
  writeConfigValue,
  readClusterNodes,
  readConfigSection,
} from '../../../../server/cli/setup/observe/node-config.ts';

/** A server for the acceptance tests, with an administrator's credentials and unique names. */
export interface SetupFixture {
  readonly access: UpstreamAccess;
  readonly couch: ServerScope;
  /** Whether other tests use the server at the same time. Its settings must not be changed in a way that disturbs them. */
  readonly isShared: boolean;
  readonly names: { readonly registry: string; readonly sessions: string; readonly service: string };
  /** Returns a unique name for an account or a database, which `close` removes. */
  readonly newName: () => string;
  /** Runs the command. `env` overrides the environment with `names`. */
  readonly run: (argv?: readonly string[], env?: Record<string, string>, design?: DatabaseDesign) => Promise<SetupRun>;
  close(): Promise<void>;
}

export interface SetupRun {
  readonly code: number;
  readonly outputLines: readonly string[];
  readonly errorLines: readonly string[];
  /** The environment that it prints for the gates. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Target {
  readonly name: string;
  readonly open: () => Promise<{ readonly access: UpstreamAccess; readonly close: () => Promise<void> }>;
}

const embedded: Target = {
  name: 'the embedded engine',
  open: () => startMemoryEngine(),
};

/** The embedded engine, and the CouchDB of `COUCHDB_URL` if set. */
export function targets(): Target[] {
  const { COUCHDB_URL: url = '', COUCHDB_USER: username = '', COUCHDB_PASSWORD: password = '' } = process.env;
  if (url === '') return [embedded];
  const access = { url: url.replace(/\/+$/, ''), username, password };
  return [embedded, { name: 'CouchDB', open: () => Promise.resolve({ access, close: () => Promise.resolve() }) }];
}

export async function createSetupFixture(target: Target): Promise<SetupFixture> {
  const { access, close } = await target.open();
  const couch = connect(access);
  const restore = await captureServerConfig(couch);
  const used: string[] = [];
  const newName = (): string => {
    const name = `t${randomBytes(6).toString('hex')}`;
    used.push(name);
    return name;
  };
  const names = { registry: newName(), sessions: newName(), service: newName() };
  return {
    access,
    couch,
    isShared: target !== embedded,
    names,
    newName,
    run: (argv = [], env = {}, design) => runSetup(argv, { ...environmentFor(access, names), ...env }, design),
    async close() {
      for (const name of used) {
        await ignoreMissing(couch.db.destroy(name));
        await ignoreMissing(removeAccount(couch, name));
      }
      await restore();
      await close();
    },
  };
}

const environmentFor = (access: UpstreamAccess, names: SetupFixture['names']): Record<string, string> => ({
  COUCHDB_URL: access.url,
  COUCHDB_USER: access.username,
  COUCHDB_PASSWORD: access.password,
  REGISTRY_DB: names.registry,
  SESSIONS_DB: names.sessions,
  SERVICE_USER: names.service,
});

async function runSetup(
  argv: readonly string[],
  env: Record<string, string>,
  design?: DatabaseDesign,
): Promise<SetupRun> {
  const [outputLines, errorLines]: [string[], string[]] = [[], []];
  const code = await setupCommand({
    argv,
    env,
    print: (line) => outputLines.push(line),
    printError: (line) => errorLines.push(line),
    ...(design === undefined ? {} : { design }),
  });
  const pairs = outputLines.flatMap((line) => {
    const [, key, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value] as const];
  });
  return { code, outputLines, errorLines, environment: Object.fromEntries(pairs) };
}

/** Reads the number of a database's updates. The rest of a sequence differs between the nodes of a cluster. */
export const readUpdateSequence = async (couch: ServerScope, database: string): Promise<number> =>
  seqNumber(parseSeq((await couch.db.get(database)).update_seq));

async function ignoreMissing(operation: Promise<unknown>): Promise<void> {
  await operation.catch((error: unknown) => {
    if (statusOf(error) !== 404) throw error;
  });
}

async function removeAccount(couch: ServerScope, name: string): Promise<void> {
  const id = `org.couchdb.user:${name}`;
  const users = couch.use('_users');
  await users.destroy(id, (await users.get(id))._rev);
}

const SECTIONS = ['chttpd', 'jwt_auth', 'jwt_keys', 'couchdb'];

/** Resolves with a function that restores the server's settings and the access rules of `_users`. */
async function captureServerConfig(couch: ServerScope): Promise<() => Promise<void>> {
  const readSettings = async (): Promise<Map<string, Record<string, string>>> => {
    const settings = new Map<string, Record<string, string>>();
    for (const { name } of await readClusterNodes(couch)) {
      for (const section of SECTIONS) settings.set(`${name} ${section}`, await readConfigSection(couch, name, section));
    }
    return settings;
  };
  const before = await readSettings();
  const nodes = (await readClusterNodes(couch)).map(({ name }) => name);
  const security = readSecurity(await couch.request({ db: '_users', path: '_security' }));
  return async () => {
    await applySecurity(couch, '_users', security, nodes);
    for (const [nodeSection, after] of await readSettings()) {
      const [node = '', section = ''] = nodeSection.split(' ');
      const values = before.get(nodeSection) ?? {};
      // Restoring the backlog would reopen the port (restart-listener.ts), which set it to the number in effect.
      const added = Object.keys(after).filter((key) => !(key in values) && key !== 'backlog');
      for (const key of added) await deleteConfigValue(couch, node, { section, key });
      for (const [key, value] of Object.entries(values)) {
        if (after[key] !== value) await writeConfigValue(couch, node, { section, key }, value);
      }
    }
  };
}
