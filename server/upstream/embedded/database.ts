import pLimit from 'p-limit';
import { HttpError } from '../../http/errors.ts';
import type { LocalPouch } from './pouchdb.ts';
import { compileValidations, type Validation } from './validation.ts';

export const databaseNotFound = (): HttpError => new HttpError(404, 'not_found', 'Database does not exist.');

/** One open database: its PouchDB, its write queue, and notifications of its writes. */
export class EngineDatabase {
  readonly name: string;
  readonly pouch: LocalPouch;
  /** Once destroyed, PouchDB calls back no more, not even with an error. */
  isDestroyed = false;
  /** Writes run one at a time, so that a document cannot change between its validation and its write. */
  readonly writeQueue = pLimit(1);
  #validations: Promise<Validation[]> | undefined;
  #listeners = new Set<() => void>();
  #pending = new Set<(error: HttpError) => void>();

  constructor(name: string, pouch: LocalPouch) {
    this.name = name;
    this.pouch = pouch;
  }

  /** Resolves with the compiled `validate_doc_update` functions. Cached until a design document is written. */
  validations(): Promise<Validation[]> {
    this.#validations ??= compileValidations(this.pouch);
    return this.#validations;
  }

  async destroy(): Promise<void> {
    this.isDestroyed = true;
    this.onWritten([]);
    await this.writeQueue(() => this.pouch.destroy());
    for (const reject of this.#pending) reject(databaseNotFound());
  }

  /** Settles as `work` does, or rejects with 404 when the database is destroyed first. */
  rejectOnDestroy<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      work.then(resolve, reject).finally(() => this.#pending.delete(reject));
    });
  }

  /** Must be called after every write. */
  onWritten(ids: readonly string[]): void {
    if (ids.some((id) => id.startsWith('_design/'))) this.#validations = undefined;
    for (const listener of [...this.#listeners]) listener();
  }

  /** Calls the listener after every write, until the returned function is called. */
  subscribe(onWrite: () => void): () => void {
    this.#listeners.add(onWrite);
    return () => this.#listeners.delete(onWrite);
  }
}
