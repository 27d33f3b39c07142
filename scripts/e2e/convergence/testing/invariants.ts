/** The invariants once all devices are online and settled. A violation is a sentence. */
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import type { SimulatedDevice } from './simulated-device.ts';
import type { StoredEdit } from './edit-log.ts';

interface Leaf {
  readonly _rev?: string;
  readonly _deleted?: boolean;
  readonly preferences?: Readonly<Record<string, unknown>>;
  readonly edits?: Readonly<Record<string, string>>;
}

type Rows = readonly { readonly ok?: Leaf }[];

const liveLeaves = (rows: Rows): readonly Leaf[] =>
  rows.flatMap(({ ok }) => (ok === undefined || ok._deleted === true ? [] : [ok]));

/** Returns the tabs that have not settled: a cheap check before the replicas are read. */
export function findUnsettledTabs(devices: readonly SimulatedDevice[]): readonly string[] {
  const tabs = devices.flatMap((device) => device.tabs);
  const unsettled = tabs.flatMap(({ name, store }) => {
    const { state, unsent, refused } = store.status();
    const isSettled = state === 'live' && unsent === 0 && refused.length === 0;
    return isSettled ? [] : [`${name} is ${state} with ${unsent} unsent and ${refused.length} refused`];
  });
  if (unsettled.length > 0) return unsettled;
  const states = new Set(tabs.map(({ store }) => canonicalJson(store.get())));
  return states.size > 1 ? [`the tabs have ${states.size} different states`] : [];
}

export interface Replicas {
  /** All live leaves, by the name of the replica. */
  readonly leaves: ReadonlyMap<string, readonly Leaf[]>;
}

/** Reads the server and every local database. Rejects when the server is unavailable. */
export async function readReplicas(
  devices: readonly SimulatedDevice[],
  { username, registry, token }: { readonly username: string; readonly registry: string; readonly token: string },
): Promise<Replicas> {
  const id = `user_${username}`;
  const response = await fetch(`${registry}/${id}?open_revs=all`, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`The server responded with ${response.status}.`);
  const leaves = new Map([['the server', liveLeaves((await response.json()) as Rows)]]);
  for (const device of devices) {
    for (const name of device.databaseNames) {
      const rows: Rows = await device.openDatabase(name).get(id, { open_revs: 'all' });
      leaves.set(device.name, liveLeaves(rows));
    }
  }
  return { leaves };
}

/** Returns the violations. `confirmedEdits` are those whose `set` resolved; `storedEdits` are all that were stored. */
export function findViolations(
  { leaves }: Replicas,
  storedEdits: readonly StoredEdit[],
  confirmedEdits: readonly StoredEdit[],
): readonly string[] {
  const violations = [...leaves].flatMap(([replica, { length }]) =>
    length === 1 ? [] : [`${replica} has ${length} live leaves`],
  );
  const documents = new Map([...leaves].map(([replica, [leaf]]) => [replica, canonicalJson(leaf ?? {})]));
  const server = documents.get('the server');
  for (const [replica, document] of documents) {
    if (document !== server) violations.push(`${replica} has another document than the server: ${document}`);
  }
  const [{ preferences = {}, edits = {} } = {}] = leaves.get('the server') ?? [];
  for (const key of new Set([...confirmedEdits.map((edit) => edit.key), ...Object.keys(edits)])) {
    const stamp = edits[key] ?? '';
    const text = preferences[key] === undefined ? '' : canonicalJson(preferences[key]);
    const [latest] = confirmedEdits.filter((edit) => edit.key === key).sort((a, b) => (a.stamp < b.stamp ? 1 : -1));
    if (latest !== undefined && latest.stamp > stamp) {
      violations.push(
        `${key} should be ${latest.text || 'unset'} of ${latest.stamp}, and is ${text || 'unset'} of ${stamp}`,
      );
    }
    if (!storedEdits.some((edit) => edit.key === key && edit.stamp === stamp && edit.text === text)) {
      violations.push(`${key} is ${text || 'unset'} of ${stamp}, which no device has set`);
    }
  }
  return violations;
}
