import { HttpError } from '../../http/errors.ts';
import type { LocalPouch } from './pouchdb.ts';
import { createQueue, type Queue } from './write-queue.ts';
import { compileValidations, type Validation } from './validation.ts';

export const databaseNotFound = (): HttpError => new HttpError(404, 'not_found', 'Database does not exist.');

/** One open database: PouchDB, the order of its writes, and word of them for whoever follows its changes. */
export class EngineDatabase {
  readonly name: string;
  readonly pouch: LocalPouch;
  /** Once it is destroyed PouchDB answers nothing more, not even with an error. */
  isDestroyed = false;
  /** Writes go one after the other, so that what was validated is what is written upon. */
  readonly writeQueue: Queue = createQueue();
  #validations: Promise<Validation[]> | undefined;
  #listeners = new Set<() => void>();
  #pending = new Set<(error: HttpError) => void>();

  constructor(name: string, pouch: LocalPouch) {
    this.name = name;
    this.pouch = pouch;
  }

  /** `validate_doc_update` of every design document, compiled; read anew after a design document was written. */
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

  /** As `work`; rejects with 404 when the database is destroyed meanwhile. */
  rejectOnDestroy<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#pending.add(reject);
      work.then(resolve, reject).finally(() => this.#pending.delete(reject));
    });
  }

  /** To be called after every write. */
  onWritten(ids: readonly string[]): void {
    if (ids.some((id) => id.startsWith('_design/'))) this.#validations = undefined;
    for (const follower of [...this.#listeners]) follower();
  }

  /** Calls back after every write, until the returned function is called. */
  subscribe(onWrite: () => void): () => void {
    this.#listeners.add(onWrite);
    return () => this.#listeners.delete(onWrite);
  }
}
