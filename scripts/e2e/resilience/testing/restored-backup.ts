/** What the test of a restore looks through: devices that say whether they began anew, and what the database itself has. */
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import { connect, statusOf } from '../../../../server/upstream/client.ts';
import type { TestUpstream } from '../../../../server/testing/test-database.ts';
import { createBrowser } from '../../testing/browser.ts';
import type { Device, DeviceFactory } from '../../testing/device.ts';

type Leaf = Readonly<Record<string, unknown>>;

const liveLeaves = (leaves: readonly Leaf[]): readonly string[] =>
  leaves.filter((leaf) => leaf['_deleted'] !== true).map(({ _revisions: _, ...leaf }) => canonicalJson(leaf));

/** One browser of a user's, over all the times it is opened and closed. */
export interface RestoreDevice {
  readonly name: string;
  readonly username: string;
  /** The page that is open, or was last. */
  readonly page: () => Device;
  readonly reopen: () => Promise<void>;
  /** Whatever shows that it did not simply go on with what it had. */
  readonly findResets: () => Promise<readonly string[]>;
  /** The document's leaves that are not deleted, as text. */
  readonly leaves: () => Promise<readonly string[]>;
  /** The ids of all documents that are stored in it. */
  readonly documentIds: () => Promise<readonly string[]>;
}

export async function createRestoreDevice(
  devices: DeviceFactory,
  name: string,
  username: string,
): Promise<RestoreDevice> {
  const browser = createBrowser();
  const database = `pouchgate_${username}`;
  let [pages, opened, destroyed] = [0, 0, 0];
  const openPage = async (): Promise<Device> => {
    pages += 1;
    const page = devices.open(
      username,
      (databaseName) => {
        opened += 1;
        const local = browser.open(databaseName);
        local.once('destroyed', () => (destroyed += 1));
        return local;
      },
      { environment: browser.environment },
    );
    await page.store.ready;
    return page;
  };
  let page = await openPage();
  const { device: id } = await page.store.inspect();
  return {
    name,
    username,
    page: () => page,
    reopen: async () => {
      page = await openPage();
    },
    findResets: async () => [
      ...(opened === pages ? [] : [`${name} has opened its database ${opened} times, for ${pages} pages`]),
      ...(destroyed === 0 ? [] : [`${name} has thrown its database away`]),
      ...((await page.store.inspect()).device === id ? [] : [`${name} calls itself another device`]),
    ],
    leaves: async () => liveLeaves((await page.store.inspect()).leaves),
    documentIds: async () => (await browser.open(database).allDocs()).rows.map((row) => row.id),
  };
}

/** The live leaves as the database itself has them; none when it has no such document. */
export async function readDatabaseLeaves(
  { access, names }: TestUpstream,
  username: string,
): Promise<readonly string[]> {
  const request = { db: names.registry, doc: `user_${username}`, qs: { open_revs: 'all' } };
  try {
    return liveLeaves(((await connect(access).request(request)) as { ok: Leaf }[]).map(({ ok }) => ok));
  } catch (error) {
    if (statusOf(error) === 404) return [];
    throw error;
  }
}
