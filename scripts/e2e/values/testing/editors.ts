/** Every interface that can set a preference, each on a document of its own. */
import { createPreferencesStore, type SchemaOptions, type StoreOptions } from '../../../../client/index.ts';
import { isEditStamp, latestEditStamp, nextEditStamp } from '../../../../couchdb-design/user-document/edit-stamp.ts';
import { newUserDocument, type Username } from '../../../../couchdb-design/user-document/user-document.ts';
import { createInMemoryBrowser } from '../../testing/test-server.ts';
import type { MountedGate } from '../../testing/mounted-gate.ts';

/** What became of one value. */
export interface Verdict {
  readonly isAccepted: boolean;
  /** The reason, and the status of a response. */
  readonly detail: string;
  /** Whether the interface failed in place of a decision. */
  readonly hasFailed: boolean;
}

/** Sets a preference of one user to the value of a JSON text. */
export interface Editor {
  readonly name: string;
  readonly username: string;
  readonly submit: (key: string, text: string) => Promise<Verdict>;
  /** Why the interface cannot express the value. `stored` is the document before. */
  readonly cannotExpress?: (key: string, text: string, stored: object) => boolean;
}

const accepted: Verdict = { isAccepted: true, detail: '', hasFailed: false };
const rejected = (detail: string): Verdict => ({ isAccepted: false, detail, hasFailed: false });
const failed = (detail: string): Verdict => ({ isAccepted: false, detail, hasFailed: true });

const textOf = (error: unknown): string =>
  (error instanceof Error ? `${error.name}: ${error.message}` : String(error)).slice(0, 300);

const REJECTION_STATUSES: readonly number[] = [400, 404, 413, 422];

/** 422 names the member and what is expected. */
async function toVerdict(response: Response): Promise<Verdict> {
  const body = await response.text();
  if (response.status === 200) return accepted;
  const detail = `${response.status} ${body.slice(0, 300)}`;
  const isExplained = response.status !== 422 || /"errors":\[\{"pointer":"[^]*","detail":"/.test(body);
  return REJECTION_STATUSES.includes(response.status) && isExplained ? rejected(detail) : failed(detail);
}

const isObjectText = (text: string): boolean => text.startsWith('{');

/** Whether a JSON merge patch (RFC 7396) would not replace the value: it merges objects, and `null` removes a member. */
const isMerged = (key: string, text: string, stored: object): boolean => {
  const current: unknown = new Map(Object.entries(stored)).get(key);
  return isObjectText(text) && (text.includes('null') || (typeof current === 'object' && !Array.isArray(current)));
};

/** A path has no empty part, no dots alone, and only well-formed texts. */
const isPathPart = (key: string): boolean => !/^\.{0,2}$/.test(key) && !/\p{Cs}/u.test(key);

export interface RestOptions {
  readonly url: string;
  readonly token: string;
  readonly username: string;
}

const sendJson = (method: string, url: string, token: string, body: string): Promise<Response> =>
  fetch(url, { method, headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' }, body });

/** `PUT /api/users/preferences/<name>` */
export const createPutEditor = ({ url, token, username }: RestOptions): Editor => ({
  name: 'PUT',
  username,
  submit: async (key, text) =>
    toVerdict(await sendJson('PUT', `${url}/api/users/preferences/${encodeURIComponent(key)}`, token, text)),
  cannotExpress: (key) => !isPathPart(key),
});

/** `PATCH /api/users/preferences` */
export const createPatchEditor = ({ url, token, username }: RestOptions): Editor => ({
  name: 'PATCH',
  username,
  submit: async (key, text) =>
    toVerdict(await sendJson('PATCH', `${url}/api/users/preferences`, token, `{${JSON.stringify(key)}:${text}}`)),
  cannotExpress: isMerged,
});

/** `pouchgate.edit`, of an application in the same process. */
export const createApplicationEditor = ({ pouchgate }: MountedGate, username: string): Editor => ({
  name: 'edit',
  username,
  submit: async (key, text) => {
    try {
      await pouchgate.edit(username, Object.fromEntries([[key, JSON.parse(text)]]));
      return accepted;
    } catch (error) {
      const status = Number(Reflect.get(Object(error) as object, 'status'));
      return REJECTION_STATUSES.includes(status) ? rejected(textOf(error)) : failed(textOf(error));
    }
  },
});

export interface LibraryEditor extends Editor {
  readonly set: (patch: object) => Promise<void>;
  readonly read: () => Promise<object>;
  readonly close: () => Promise<void>;
}

/** The library, in a browser without a network. Its document is the one that a server creates. */
export async function createLibraryEditor(
  username: string,
  schema: SchemaOptions<object, object> | undefined,
): Promise<LibraryEditor> {
  const openInMemory = createInMemoryBrowser();
  const openDatabase: StoreOptions['openDatabase'] = async (name) => {
    const database = openInMemory(name);
    // A later call opens the same data.
    const document = newUserDocument(username as Username, new Date(0));
    await database.get(document._id).catch(() => database.put({ ...document }));
    return database;
  };
  const options: StoreOptions = {
    url: 'http://127.0.0.1:9/sync/user_registry',
    username,
    getToken: () => Promise.resolve(undefined),
    openDatabase,
  };
  const store =
    schema === undefined ? createPreferencesStore(options) : createPreferencesStore({ ...options, ...schema });
  await store.ready;
  const set = store.set;
  return {
    name: 'library',
    username,
    submit: async (key, text) => {
      try {
        await set(Object.fromEntries([[key, JSON.parse(text)]]));
        return accepted;
      } catch (error) {
        return error instanceof RangeError && !error.message.includes('call stack')
          ? rejected(textOf(error))
          : failed(textOf(error));
      }
    },
    set,
    read: async () => {
      const { leaves } = await store.inspect();
      return leaves.find(({ _deleted }) => _deleted !== true) ?? {};
    },
    close: () => store.close(),
  };
}

interface ReplicatedDocument {
  readonly _revisions: { readonly start: number; readonly ids: readonly string[] };
  readonly preferences: object;
  readonly edits: Readonly<Record<string, string>>;
}

const PLACEHOLDER = 'the value is inserted here';

/** `_bulk_docs` of the gate, as a replicating device sends an edit. */
export async function createReplicationEditor(registryUrl: string, token: string, username: string): Promise<Editor> {
  const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' };
  // Provisions the document.
  await fetch(`${registryUrl}/_changes`, { headers });
  const read = async (): Promise<ReplicatedDocument> =>
    (await (await fetch(`${registryUrl}/user_${username}?revs=true`, { headers })).json()) as ReplicatedDocument;
  let document = await read();
  return {
    name: '_bulk_docs',
    username,
    submit: async (key, text) => {
      const { start, ids } = document._revisions;
      const stamp = nextEditStamp({
        now: Date.now(),
        device: 'value',
        seen: latestEditStamp(Object.values(document.edits).filter(isEditStamp)),
      });
      const id = (start + 1).toString(16).padStart(32, 'a');
      const next = {
        ...document,
        _rev: `${start + 1}-${id}`,
        _revisions: { start: start + 1, ids: [id, ...ids] },
        preferences: Object.fromEntries([...Object.entries(document.preferences), [key, PLACEHOLDER]]),
        edits: Object.fromEntries([...Object.entries(document.edits), [key, stamp]]),
      };
      // Inserted as text, since it may be JSON that no value of JavaScript has.
      const body = JSON.stringify({ docs: [next], new_edits: false }).replace(`"${PLACEHOLDER}"`, () => text);
      const response = await fetch(`${registryUrl}/_bulk_docs`, { method: 'POST', headers, body });
      const answer = await response.text();
      if (response.status === 400 || response.status === 413) return rejected(`${response.status} ${answer}`);
      if (!response.ok) return failed(`${response.status} ${answer}`);
      if (answer.includes('"error"')) return rejected(answer.slice(0, 300));
      document = await read();
      return accepted;
    },
  };
}

/** The users command. */
export function createCommandEditor(
  username: string,
  run: (...argv: readonly string[]) => Promise<{ readonly code: number; readonly stderr: string }>,
  acceptsText: (key: string, text: string) => boolean,
): Editor {
  return {
    name: 'command',
    username,
    submit: async (key, text) => {
      const { code, stderr } = await run('set', '--', username, key, text);
      if (code === 0) return accepted;
      return /unexpected error|Run "doctor"/.test(stderr) ? failed(stderr) : rejected(stderr.slice(0, 300));
    },
    // A text that is no valid value is taken as plain text.
    cannotExpress: (key, text) => acceptsText(key, text),
  };
}
