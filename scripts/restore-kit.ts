/** What tests of a restore share: an operator's copy of a database, and devices that say whether they began anew. */
import { canonicalJson } from '../couchdb-design/canonical-json.ts';
import { authorizationOf, connect } from '../server/upstream/couch.ts';
import type { TestUpstream } from '../server/upstream/upstream-for-tests.ts';
import { createBrowser } from './client-browser.ts';
import type { Device, Devices } from './client-device.ts';

/** Copies every leaf of `from` with its history to the database `to`: by CouchDB's own replicator, where there is one. */
export async function copyDatabase({ kind, access }: TestUpstream, from: string, to: string): Promise<void> {
  const couch = connect(access);
  if (kind === 'couchdb') {
    const [source, target] = [from, to].map((name) => ({
      url: `${access.url}/${name}`,
      headers: { Authorization: authorizationOf(access) },
    }));
    await couch.request({ path: '_replicate', method: 'post', body: { source, target } });
    return;
  }
  const { results } = (await couch.request({ db: from, path: '_changes' })) as { results: { id: string }[] };
  for (const { id } of results) {
    const request = { db: from, doc: id, qs: { open_revs: 'all', revs: 'true' } };
    const docs = ((await couch.request(request)) as { ok: object }[]).map(({ ok }) => ok);
    const refused = await couch.use(to).bulk({ docs, new_edits: false });
    if (refused.length > 0) throw new Error(`${id} cannot be copied: ${JSON.stringify(refused)}`);
  }
}

type Leaf = Readonly<Record<string, unknown>>;

const liveLeaves = (leaves: readonly Leaf[]): readonly string[] =>
  leaves.filter((leaf) => leaf['_deleted'] !== true).map(({ _revisions: _, ...leaf }) => canonicalJson(leaf));

/** One browser of a user's, over all the times it is opened and closed. */
export interface RestoreDevice {
  readonly name: string;
  readonly username: string;
  /** The page that is open, or was last. */
  readonly page: () => Device;
  readonly open: () => Promise<void>;
  /** Whatever shows that it did not simply go on with what it had. */
  readonly anew: () => Promise<readonly string[]>;
  /** The document's leaves that are not deleted, as text. */
  readonly leaves: () => Promise<readonly string[]>;
  /** The ids of all documents that are stored in it. */
  readonly ids: () => Promise<readonly string[]>;
}

export async function createDevice(devices: Devices, name: string, username: string): Promise<RestoreDevice> {
  const browser = createBrowser();
  const database = `pouchgate_${username}`;
  let [pages, opened, destroyed] = [0, 0, 0];
  let page: Device;
  const open = async (): Promise<void> => {
    pages += 1;
    page = devices.open(
      username,
      (asked) => {
        opened += 1;
        const local = browser.open(asked);
        local.once('destroyed', () => (destroyed += 1));
        return local;
      },
      { environment: browser.environment },
    );
    await page.store.ready;
  };
  await open();
  const { device: id } = await page!.store.inspect();
  return {
    name,
    username,
    page: () => page,
    open,
    anew: async () => [
      ...(opened === pages ? [] : [`${name} has opened its database ${opened} times, for ${pages} pages`]),
      ...(destroyed === 0 ? [] : [`${name} has thrown its database away`]),
      ...((await page.store.inspect()).device === id ? [] : [`${name} calls itself another device`]),
    ],
    leaves: async () => liveLeaves((await page.store.inspect()).leaves),
    ids: async () => (await browser.open(database).allDocs()).rows.map((row) => row.id),
  };
}

/** The live leaves as the database itself has them. */
export async function leavesIn({ access, names }: TestUpstream, username: string): Promise<readonly string[]> {
  const request = { db: names.registry, doc: `user_${username}`, qs: { open_revs: 'all' } };
  return liveLeaves(((await connect(access).request(request)) as { ok: Leaf }[]).map(({ ok }) => ok));
}
