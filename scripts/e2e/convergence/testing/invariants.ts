/** What must hold once everybody is online and has nothing to say any more; whatever does not is told in a sentence. */
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import type { Device } from './simulated-device.ts';
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
export function findUnrest(devices: readonly Device[]): readonly string[] {
  const tabs = devices.flatMap((device) => device.tabs);
  const restless = tabs.flatMap(({ name, store }) => {
    const { state, unsent, refused } = store.status();
    const calm = state === 'live' && unsent === 0 && refused.length === 0;
    return calm ? [] : [`${name} is ${state} with ${unsent} unsent and ${refused.length} refused`];
  });
  if (restless.length > 0) return restless;
  const shown = new Set(tabs.map(({ store }) => canonicalJson(store.get())));
  return shown.size > 1 ? [`the tabs show ${shown.size} different things`] : [];
}

export interface Sides {
  /** All live leaves on each side, by the side's name. */
  readonly leaves: ReadonlyMap<string, readonly Leaf[]>;
}

/** Reads the server and every local database. Rejects when the server cannot be asked at this moment. */
export async function readSides(
  devices: readonly Device[],
  { username, registry, token }: { readonly username: string; readonly registry: string; readonly token: string },
): Promise<Sides> {
  const id = `user_${username}`;
  const answer = await fetch(`${registry}/${id}?open_revs=all`, {
    headers: { authorization: `Bearer ${token}`, accept: 'application/json' },
  });
  if (!answer.ok) throw new Error(`The server answers with ${answer.status}.`);
  const leaves = new Map([['the server', liveLeaves((await answer.json()) as Rows)]]);
  for (const device of devices) {
    for (const name of device.databaseNames) {
      const rows: Rows = await device.open(name).get(id, { open_revs: 'all' });
      leaves.set(device.name, liveLeaves(rows));
    }
  }
  return { leaves };
}

/** `resolved` are the edits that `set` said are stored; `all` are those that were stored, said or not. */
export function findFaults(
  { leaves }: Sides,
  all: readonly StoredEdit[],
  resolved: readonly StoredEdit[],
): readonly string[] {
  const faults = [...leaves].flatMap(([side, { length }]) =>
    length === 1 ? [] : [`${side} has ${length} live leaves`],
  );
  const documents = new Map([...leaves].map(([side, [leaf]]) => [side, canonicalJson(leaf ?? {})]));
  const server = documents.get('the server');
  for (const [side, document] of documents) {
    if (document !== server) faults.push(`${side} has another document than the server: ${document}`);
  }
  const [{ preferences = {}, edits = {} } = {}] = leaves.get('the server') ?? [];
  for (const key of new Set([...resolved.map((edit) => edit.key), ...Object.keys(edits)])) {
    const stamp = edits[key] ?? '';
    const text = preferences[key] === undefined ? '' : canonicalJson(preferences[key]);
    const [greatest] = resolved.filter((edit) => edit.key === key).sort((a, b) => (a.stamp < b.stamp ? 1 : -1));
    if (greatest !== undefined && greatest.stamp > stamp) {
      faults.push(
        `${key} should be ${greatest.text || 'unset'} of ${greatest.stamp}, and is ${text || 'unset'} of ${stamp}`,
      );
    }
    if (!all.some((edit) => edit.key === key && edit.stamp === stamp && edit.text === text)) {
      faults.push(`${key} is ${text || 'unset'} of ${stamp}, which nobody has set`);
    }
  }
  return faults;
}
