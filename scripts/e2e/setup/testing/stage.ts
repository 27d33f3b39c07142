import { randomBytes } from 'node:crypto';
import type { ServerScope } from 'nano';
import { connect, statusOf, type UpstreamAccess } from '../../../../server/upstream/client.ts';
import type { DatabaseDesign } from '../../../../server/upstream/schema/design-documents.ts';
import { startEmbeddedEngine } from '../../../../server/upstream/embedded/engine.ts';
import { parseSeq, seqNumber } from '../../../../server/upstream/feed/row.ts';
import { readSecurity } from '../../../../server/upstream/schema/security-objects.ts';
import { applySecurity } from '../../../../server/cli/setup/apply/security.ts';
import { setUpCommand } from '../../../../server/cli/setup/command.ts';
import {
  deleteSetting,
  putSetting,
  readMembers,
  readSection,
} from '../../../../server/cli/setup/observe/node-config.ts';

/** Where the acceptance tests run: a server whose administrator they are, with names in it that are theirs alone. */
export interface Stage {
  readonly access: UpstreamAccess;
  readonly couch: ServerScope;
  readonly names: { readonly registry: string; readonly sessions: string; readonly service: string };
  /** A name that nobody else uses, for an account or a database that is removed in the end. */
  readonly newName: () => string;
  /** Runs the command; `env` goes over the environment that has these names. */
  readonly run: (argv?: readonly string[], env?: Record<string, string>, design?: DatabaseDesign) => Promise<Ran>;
  close(): Promise<void>;
}

export interface Ran {
  readonly code: number;
  readonly said: readonly string[];
  readonly complaints: readonly string[];
  /** What it says to put into the gates' environment. */
  readonly environment: Readonly<Record<string, string>>;
}

export interface Target {
  readonly name: string;
  readonly open: () => Promise<{ readonly access: UpstreamAccess; readonly close: () => Promise<void> }>;
}

const embedded: Target = {
  name: 'the embedded engine',
  open: () => startEmbeddedEngine({ storage: { kind: 'memory', name: `set-up-${randomBytes(6).toString('hex')}` } }),
};

/** The embedded engine always, and the CouchDB of `COUCHDB_URL` when there is one. */
export function targets(): Target[] {
  const { COUCHDB_URL: url = '', COUCHDB_USER: username = '', COUCHDB_PASSWORD: password = '' } = process.env;
  if (url === '') return [embedded];
  const access = { url: url.replace(/\/+$/, ''), username, password };
  return [embedded, { name: 'CouchDB', open: () => Promise.resolve({ access, close: () => Promise.resolve() }) }];
}

export async function openStage(target: Target): Promise<Stage> {
  const { access, close } = await target.open();
  const couch = connect(access);
  const restore = await rememberServer(couch);
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
    names,
    newName,
    run: (argv = [], env = {}, design) => run(argv, { ...environmentFor(access, names), ...env }, design),
    async close() {
      for (const name of used) {
        await unlessMissing(couch.db.destroy(name));
        await unlessMissing(removeAccount(couch, name));
      }
      await restore();
      await close();
    },
  };
}

const environmentFor = (access: UpstreamAccess, names: Stage['names']): Record<string, string> => ({
  COUCHDB_URL: access.url,
  COUCHDB_USER: access.username,
  COUCHDB_PASSWORD: access.password,
  REGISTRY_DB: names.registry,
  SESSIONS_DB: names.sessions,
  SERVICE_USER: names.service,
});

async function run(argv: readonly string[], env: Record<string, string>, design?: DatabaseDesign): Promise<Ran> {
  const [said, complaints]: [string[], string[]] = [[], []];
  const code = await setUpCommand({
    argv,
    env,
    print: (line) => said.push(line),
    complain: (line) => complaints.push(line),
    ...(design === undefined ? {} : { design }),
  });
  const pairs = said.flatMap((line) => {
    const [, key, value] = /^([A-Z_]+)=(.*)$/.exec(line) ?? [];
    return key === undefined || value === undefined ? [] : [[key, value] as const];
  });
  return { code, said, complaints, environment: Object.fromEntries(pairs) };
}

/** How many updates a database has had: the rest of a sequence differs from node to node of a cluster. */
export const updatesOf = async (couch: ServerScope, database: string): Promise<number> =>
  seqNumber(parseSeq((await couch.db.get(database)).update_seq));

async function unlessMissing(work: Promise<unknown>): Promise<void> {
  await work.catch((error: unknown) => {
    if (statusOf(error) !== 404) throw error;
  });
}

async function removeAccount(couch: ServerScope, name: string): Promise<void> {
  const id = `org.couchdb.user:${name}`;
  const users = couch.use('_users');
  await users.destroy(id, (await users.get(id))._rev);
}

const SECTIONS = ['chttpd', 'jwt_auth', 'jwt_keys', 'couchdb'];

/** Resolves with what puts the server's settings back, and who may use the accounts. */
async function rememberServer(couch: ServerScope): Promise<() => Promise<void>> {
  const read = async (): Promise<Map<string, Record<string, string>>> => {
    const settings = new Map<string, Record<string, string>>();
    for (const { name } of await readMembers(couch)) {
      for (const section of SECTIONS) settings.set(`${name} ${section}`, await readSection(couch, name, section));
    }
    return settings;
  };
  const before = await read();
  const nodes = (await readMembers(couch)).map(({ name }) => name);
  const security = readSecurity(await couch.request({ db: '_users', path: '_security' }));
  return async () => {
    await applySecurity(couch, '_users', security, nodes);
    for (const [place, after] of await read()) {
      const [node = '', section = ''] = place.split(' ');
      const values = before.get(place) ?? {};
      // The backlog is set to the number in force (listen-anew.ts): to put that back would have the port opened once more.
      const added = Object.keys(after).filter((key) => !(key in values) && key !== 'backlog');
      for (const key of added) await deleteSetting(couch, node, { section, key });
      for (const [key, value] of Object.entries(values)) {
        if (after[key] !== value) await putSetting(couch, node, { section, key }, value);
      }
    }
  };
}
