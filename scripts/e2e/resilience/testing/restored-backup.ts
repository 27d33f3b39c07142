/** Fixture of the restore test: devices that detect whether their client reset, and reads of the database itself. */
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import { connect, statusOf } from '../../../../server/upstream/client.ts';
import type { TestUpstream } from '../../../../server/testing/test-database.ts';
import { createBrowser } from '../../testing/browser.ts';
import type { Device, DeviceFactory } from '../../testing/device.ts';

type Leaf = Readonly<Record<string, unknown>>;

const liveLeaves = (leaves: readonly Leaf[]): readonly string[] =>
  leaves.filter((leaf) => leaf['_deleted'] !== true).map(({ _revisions: _, ...leaf }) => canonicalJson(leaf));

/** One browser of a user, across page loads. */
export interface RestoreDevice {
  readonly name: string;
  readonly username: string;
  /** The current or last page. */
  readonly page: () => Device;
  readonly reopen: () => Promise<void>;
  /** Resolves with the signs that the client has reset its local state. */
  readonly findResets: () => Promise<readonly string[]>;
  /** Resolves with the document's live leaves, as text. */
  readonly leaves: () => Promise<readonly string[]>;
  /** Resolves with the ids of all locally stored documents. */
  readonly documentIds: () => Promise<readonly string[]>;
}

/** Creates a device and opens its first page. */
export async function createRestoreDevice(
  devices: DeviceFactory,
  name: string,
  username: string,
): Promise<RestoreDevice> {
  const browser = createBrowser();
  const database = `pouchgate_${username}`;
  let [pageCount, openCount, destroyCount] = [0, 0, 0];
  const openPage = async (): Promise<Device> => {
    pageCount += 1;
    const page = devices.open(
      username,
      (databaseName) => {
        openCount += 1;
        const local = browser.open(databaseName);
        local.once('destroyed', () => (destroyCount += 1));
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
      ...(openCount === pageCount ? [] : [`${name} opened its database ${openCount} times, for ${pageCount} pages`]),
      ...(destroyCount === 0 ? [] : [`${name} destroyed its database`]),
      ...((await page.store.inspect()).device === id ? [] : [`${name} has a new device id`]),
    ],
    leaves: async () => liveLeaves((await page.store.inspect()).leaves),
    documentIds: async () => (await browser.open(database).allDocs()).rows.map((row) => row.id),
  };
}

/** Resolves with the live leaves in the database; an empty list when the document does not exist. */
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
