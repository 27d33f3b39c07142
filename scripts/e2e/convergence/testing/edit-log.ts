/** Records every edit that a device stores, as written by its stores to the database or to web storage. */
import { canonicalJson } from '../../../../couchdb-design/user-document/canonical-json.ts';
import type { EditStamp } from '../../../../couchdb-design/user-document/edit-stamp.ts';
import type { Environment } from '../../../../client/index.ts';
import type { Database } from '../../../../client/platform/database.ts';

export interface StoredEdit {
  readonly key: string;
  readonly stamp: EditStamp;
  /** Canonical JSON, '' for a removal. */
  readonly text: string;
  /** The tab that stored it first, in which the edit was made. */
  readonly tab: string;
}

export interface EditLog {
  /** All edits in the order in which they were stored. */
  readonly all: readonly StoredEdit[];
  /** Records the writes to a database, and returns it. */
  readonly recordDatabase: (database: Database, tab: string) => Database;
  /** Returns a proxy of the storage that records its writes. */
  readonly recordStorage: (storage: Environment['storage'], tab: string) => Environment['storage'];
  /** Stamps with two values, which must not exist. */
  readonly contradictions: readonly string[];
}

const canonicalText = (value: unknown): string => (value === undefined || value === null ? '' : canonicalJson(value));

type Fields = Readonly<Record<string, unknown>>;
const isFields = (value: unknown): value is Fields => typeof value === 'object' && value !== null;

/** Yields the edits in a stored value: a user document's `preferences` and `edits`, or a list of `{key, value, stamp}`. */
function* extractEdits(stored: unknown): Generator<Omit<StoredEdit, 'tab'>> {
  if (!isFields(stored)) return;
  const { preferences, edits, key, stamp, value } = stored;
  if (isFields(preferences) && isFields(edits)) {
    for (const [name, editStamp] of Object.entries(edits))
      yield { key: name, stamp: String(editStamp), text: canonicalText(preferences[name]) };
  } else if (typeof key === 'string' && typeof stamp === 'string') {
    yield { key, stamp, text: canonicalText(value) };
  } else {
    for (const part of Object.values(stored)) yield* extractEdits(part);
  }
}

export function createEditLog(): EditLog {
  const all: StoredEdit[] = [];
  const textByEdit = new Map<string, string>();
  const contradictions: string[] = [];

  const record = (stored: unknown, tab: string): void => {
    for (const edit of extractEdits(stored)) {
      const id = `${edit.key} ${edit.stamp}`;
      const previous = textByEdit.get(id);
      if (previous === undefined) {
        textByEdit.set(id, edit.text);
        all.push({ ...edit, tab });
      } else if (previous !== edit.text) {
        contradictions.push(`${id} was ${previous || 'removed'} and is ${edit.text || 'removed'}`);
      }
    }
  };

  return {
    all,
    contradictions,
    recordDatabase: (database, tab) => {
      const put = database.put.bind(database);
      const bulkDocs = database.bulkDocs.bind(database);
      database.put = (async (...args: Parameters<typeof put>) => {
        const result = await put(...args);
        record(args[0], tab);
        return result;
      }) as typeof database.put;
      database.bulkDocs = ((...args: unknown[]) => {
        const call = bulkDocs as (...values: unknown[]) => unknown;
        // PouchDB calls its own methods with callbacks. The documents it replicates were recorded elsewhere.
        if (args.some((argument) => typeof argument === 'function')) return call(...args);
        return Promise.resolve(call(...args)).then((result) => {
          record(args[0], tab);
          return result;
        });
      }) as typeof database.bulkDocs;
      return database;
    },
    recordStorage: (storage, tab) =>
      new Proxy(storage, {
        set: (target, item, text) => {
          if (String(item).includes(':unsent:')) record(JSON.parse(String(text)), tab);
          return Reflect.set(target, item, text);
        },
      }),
  };
}
