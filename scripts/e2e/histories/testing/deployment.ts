/** One registry behind three gates: the standalone server with the bot, and two versions of an application side by side. */
import { join } from 'node:path';
import { closeAfterTests } from '../../../../couchdb-design/testing/open-resources.ts';
import {
  startFakeTelegramApi,
  type FakeTelegramApi,
  type Person,
} from '../../../../server/testing/fake-telegram-api.ts';
import { runUsersCommand } from '../../../../server/testing/run-users-command.ts';
import type { TestUpstream } from '../../../../server/testing/test-database.ts';
import { startTestGate, type TestGate } from '../../../../server/testing/test-gate.ts';
import { statusOf } from '../../../../server/upstream/client.ts';
import { mountGate, type MountedGate } from '../../testing/mounted-gate.ts';
import { VERSIONS, type Version } from './preference-domains.ts';
import { retryWhileBusy } from '../../testing/retry-while-busy.ts';

type Values = Readonly<Record<string, unknown>>;

/** One version's interfaces. */
export interface Gate {
  readonly url: string;
  /** The URL that stores and PouchDB replicate with. */
  readonly registryUrl: string;
  readonly token: (username: string) => string;
  /** Undefined for the standalone server. */
  readonly edit: ((username: string, patch: Values) => Promise<unknown>) | undefined;
  /** Runs the users command with this version's schema. */
  readonly runCommand: (...argv: readonly string[]) => ReturnType<typeof runUsersCommand>;
}

export interface Deployment {
  readonly gates: Readonly<Record<Version, Gate>>;
  readonly accountName: (name: string) => string;
  /** The stored document with its revision; undefined if there is none. */
  readonly readStored: (username: string) => Promise<StoredDocument | undefined>;
  /** Replaces the stored document as the service account, which no gate validates. Repeats it after a conflict. */
  readonly replaceStored: (username: string, replace: (current: StoredDocument) => object) => Promise<void>;
  /** Returns the document's leaves, deleted ones included. */
  readonly readLeaves: (username: string) => Promise<readonly StoredLeaf[]>;
  /** Creates a person whose chat with the bot is linked to the user. */
  readonly linkChat: (username: string) => Promise<Person>;
  readonly close: () => Promise<void>;
}

export interface StoredLeaf {
  readonly _rev: string;
  readonly _deleted?: boolean;
}

export interface StoredDocument {
  readonly _id: string;
  readonly _rev: string;
  readonly preferences: Values;
  readonly edits: Readonly<Record<string, string>>;
}

type RegistryAccess = Pick<Deployment, 'readStored' | 'replaceStored' | 'readLeaves'>;

/** Starts all of it on the upstream of the tests. */
export async function startDeployment(): Promise<Deployment> {
  const api = await startFakeTelegramApi();
  const standalone = await startTestGate({ TELEGRAM_BOT_TOKEN: api.token, TELEGRAM_API_ROOT: api.apiRoot() });
  const { upstream } = standalone;
  const [old, newer] = await Promise.all([mountGate(upstream, VERSIONS.old), mountGate(upstream, VERSIONS.new)]);
  return closeAfterTests({
    gates: {
      'built-in': {
        url: standalone.url,
        registryUrl: standalone.database,
        token: (username: string) => standalone.token(username),
        edit: undefined,
        runCommand: commandOf('built-in', upstream),
      },
      old: gateOf(old, commandOf('old', upstream)),
      new: gateOf(newer, commandOf('new', upstream)),
    },
    accountName: (name: string) => upstream.accountName(name),
    ...createRegistryAccess(upstream.registry()),
    linkChat: (username: string) => linkChat(api, standalone, username),
    close: async () => {
      await Promise.all([old.close(), newer.close()]);
      await standalone.close();
      await api.close();
    },
  });
}

function commandOf(version: Version, upstream: TestUpstream): Gate['runCommand'] {
  const env = { ...upstream.env(), JWT_SECRET: 'a secret for tests, and for nothing else at all' };
  const path = version === 'built-in' ? '' : join(import.meta.dirname, `${version}-app.ts`);
  return (...argv) => runUsersCommand({ ...env, PREFERENCES_MODULE: path }, argv);
}

const gateOf = ({ url, registryUrl, pouchgate }: MountedGate, runCommand: Gate['runCommand']): Gate => ({
  url,
  registryUrl,
  token: (username) => username,
  edit: (username, patch) => pouchgate.edit(username, patch),
  runCommand,
});

/** Reads and replaces documents as the service account. */
function createRegistryAccess(registry: ReturnType<TestUpstream['registry']>): RegistryAccess {
  const readStored = (username: string): Promise<StoredDocument | undefined> =>
    registry.get(`user_${username}`).then(
      (document) => document as unknown as StoredDocument,
      (error: unknown) => {
        if (statusOf(error) === 404) return undefined;
        throw error;
      },
    );
  return {
    readStored,
    replaceStored: async (username, replace) => {
      for (let isStored = false; !isStored;) {
        const current = await readStored(username);
        if (current === undefined) throw new Error(`${username} has no document.`);
        isStored = await registry.insert({ ...replace(current), _id: current._id, _rev: current._rev }).then(
          () => true,
          (error: unknown) => {
            if (statusOf(error) === 409) return false;
            throw error;
          },
        );
      }
    },
    readLeaves: async (username) => {
      const rows = (await registry.get(`user_${username}`, { open_revs: 'all' } as object)) as unknown;
      return (rows as readonly { readonly ok: StoredLeaf }[]).map(({ ok }) => ok);
    },
  };
}

/** Creates a person, and links their chat with the bot by a code from the standalone server. */
async function linkChat(api: FakeTelegramApi, gate: TestGate, username: string): Promise<Person> {
  const code = await retryWhileBusy(async () => {
    const response = await fetch(`${gate.url}/api/users/telegram/link`, {
      method: 'POST',
      headers: { authorization: `Bearer ${gate.token(username)}` },
    });
    if (!response.ok) throw new Error(`The response to the link is ${response.status}.`);
    return ((await response.json()) as { readonly code: string }).code;
  });
  const person = api.createPerson('Ada');
  await person.sendMessage(`/start ${code}`);
  return person;
}
