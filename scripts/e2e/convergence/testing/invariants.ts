/** What must hold once everybody is online and has nothing to say any more; whatever does not is told in a sentence. */
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

/** Cheap, and enough to see that it is too early to look any closer. */
export function findUnsettledTabs(devices: readonly SimulatedDevice[]): readonly string[] {
  const tabs = devices.flatMap((device) => device.tabs);
  const unsettled = tabs.flatMap(({ name, store }) => {
    const { state, unsent, refused } = store.status();
    const isSettled = state === 'live' && unsent === 0 && refused.length === 0;
    return isSettled ? [] : [`${name} is ${state} with ${unsent} unsent and ${refused.length} refused`];
  });
  if (unsettled.length > 0) return unsettled;
  const shown = new Set(tabs.map(({ store }) => canonicalJson(store.get())));
  return shown.size > 1 ? [`the tabs show ${shown.size} different things`] : [];
}

export interface Replicas {
  /** All live leaves on each side, by the side's name. */
  readonly leaves: ReadonlyMap<string, readonly Leaf[]>;
}

/** Reads the server and every local database. Rejects when the server cannot be asked at this moment. */
export async function readReplicas(
  devices: readonly SimulatedDevice[],
  { username, registry, token }: { readonly username: string; readonly registry: string; readonly token: string },
): Promise<Replicas> {
  const id = `user_${username}`;
  const response = await fetch(`${registry}/${id}?open_revs=all`, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
  });
  if (!response.ok) throw new Error(`The server answers with ${response.status}.`);
  const leaves = new Map([['the server', liveLeaves((await response.json()) as Rows)]]);
  for (const device of devices) {
    for (const name of device.databaseNames) {
      const rows: Rows = await device.openDatabase(name).get(id, { open_revs: 'all' });
      leaves.set(device.name, liveLeaves(rows));
    }
  }
  return { leaves };
}

/** `resolved` are the edits that `set` said are stored; `all` are those that were stored, said or not. */
export function findViolations(
  { leaves }: Replicas,
  storedEdits: readonly StoredEdit[],
  confirmedEdits: readonly StoredEdit[],
): readonly string[] {
  const violations = [...leaves].flatMap(([side, { length }]) =>
    length === 1 ? [] : [`${side} has ${length} live leaves`],
  );
  const documents = new Map([...leaves].map(([side, [leaf]]) => [side, canonicalJson(leaf ?? {})]));
  const server = documents.get('the server');
  for (const [side, document] of documents) {
    if (document !== server) violations.push(`${side} has another document than the server: ${document}`);
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
      violations.push(`${key} is ${text || 'unset'} of ${stamp}, which nobody has set`);
    }
  }
  return violations;
}
