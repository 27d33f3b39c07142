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
  /** Returns the edit with its present stamp. The stamp of an unsent edit changes once if it was made by a clock that is ahead. */
  readonly withPresentStamp: (edit: StoredEdit) => StoredEdit;
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

/** A pending edit as a store keeps it. */
interface PendingItem {
  readonly key: string;
  readonly value: unknown;
  readonly stamp: EditStamp;
  readonly made?: unknown;
  readonly isSuspect?: boolean;
}

const deviceOf = (stamp: EditStamp): string => stamp.slice(-5);

/** Returns the stored edit that a new one corrects: the last one of the preference that was not corrected yet. */
const findCorrected = (storage: Environment['storage'], corrected: PendingItem): PendingItem | undefined =>
  corrected.made !== undefined || corrected.isSuspect
    ? undefined
    : Object.keys(storage)
        .filter((name) => name.includes(':unsent:'))
        .toSorted()
        .map((name) => JSON.parse(storage[name] ?? 'null') as PendingItem)
        .findLast(({ key, stamp, made }) => key === corrected.key && stamp !== corrected.stamp && made !== undefined);

export function createEditLog(): EditLog {
  const all: StoredEdit[] = [];
  const textByEdit = new Map<string, string>();
  const contradictions: string[] = [];
  const corrections: { readonly key: string; readonly wrong: EditStamp; readonly present: EditStamp }[] = [];

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
    withPresentStamp: (edit) => {
      // An earlier edit of the device with the same clock was replaced by the corrected one.
      const isReplaced = ({ key, wrong, present }: (typeof corrections)[number]): boolean =>
        key === edit.key && deviceOf(wrong) === deviceOf(edit.stamp) && edit.stamp <= wrong && edit.stamp > present;
      return { ...edit, stamp: corrections.findLast(isReplaced)?.present ?? edit.stamp };
    },
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
          if (String(item).includes(':unsent:')) {
            const edit = JSON.parse(String(text)) as PendingItem;
            const wrong = findCorrected(target, edit);
            if (wrong !== undefined) corrections.push({ key: edit.key, wrong: wrong.stamp, present: edit.stamp });
            record(edit, tab);
          }
          return Reflect.set(target, item, text);
        },
      }),
  };
}
