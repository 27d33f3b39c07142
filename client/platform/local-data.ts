/**
 * The data that is stored beside a local database, and the mark of a pending sign-out. A sign-out can be interrupted at any
 * moment, by a crash or a closed lid. It is marked before anything is removed, and the next page load removes the rest.
 */
import type { Environment } from './environment.ts';

type StringStorage = Environment['storage'];

/** Follows the database's name in the key of the mark. */
export const SIGN_OUT_MARK_SUFFIX = ':leaving';

/** Runs the task. Returns whether it succeeded: a storage that is full or does not work throws. */
const attempt = (task: () => unknown): boolean => {
  try {
    task();
    return true;
  } catch {
    return false;
  }
};

/** Stores an item. Ignores a failure: the value is then lost when the page is closed. */
export const setItem = (storage: StringStorage, key: string, value: string): void =>
  void attempt(() => (storage[key] = value));

/** Removes an item. Returns false when the storage does not work. */
export const removeItem = (storage: StringStorage, key: string): boolean =>
  attempt(() => Reflect.deleteProperty(storage, key));

/** Whether a sign-out was interrupted before it removed the data of this database. */
const isSignOutPending = (storage: StringStorage, name: string): boolean =>
  storage[name + SIGN_OUT_MARK_SUFFIX] !== undefined;

/** Marks a sign-out as pending. Call it before data is removed. */
export const markSignOutPending = (storage: StringStorage, name: string): void =>
  setItem(storage, name + SIGN_OUT_MARK_SUFFIX, '');

/** The value of the mark once only the database is left to be removed. What the storage holds since then is newer. */
const ONLY_DATABASE = 'database';

/**
 * Removes the items of an interrupted sign-out. The mark remains until the database is removed as well: it may not open
 * for several page loads. Returns whether there was a mark.
 */
export const resumeSignOut = (storage: StringStorage, name: string): boolean => {
  if (!isSignOutPending(storage, name)) return false;
  removeSignedOutItems(storage, name);
  setItem(storage, name + SIGN_OUT_MARK_SUFFIX, ONLY_DATABASE);
  return true;
};

/** Removes the mark, and the items that belong to the sign-out. */
export const removeSignedOutItems = (storage: StringStorage, name: string): void => {
  if (storage[name + SIGN_OUT_MARK_SUFFIX] === ONLY_DATABASE) clearSignOutMark(storage, name);
  else clearUserData(storage, name);
};

/** Removes the mark. Call it after all data is removed. */
export const clearSignOutMark = (storage: StringStorage, name: string): void => {
  removeItem(storage, name + SIGN_OUT_MARK_SUFFIX);
};

/** Removes all items that belong to the database, the sign-out mark included. */
export const clearUserData = (storage: StringStorage, name: string): void => {
  for (const key of Object.keys(storage)) if (key.startsWith(`${name}:`)) removeItem(storage, key);
};
