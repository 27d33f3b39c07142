import { HttpError } from '../../http/errors.ts';
import type { LocalPouch } from './pouchdb.ts';
import { createQueue, type Queue } from './write-queue.ts';
import { compileValidations, type Validation } from './validation.ts';

export const noDatabase = (): HttpError => new HttpError(404, 'not_found', 'Database does not exist.');

/** One open database: PouchDB, the order of its writes, and word of them for whoever follows its changes. */
export class EngineDatabase {
  readonly name: string;
  readonly pouch: LocalPouch;
  /** Once it is destroyed PouchDB answers nothing more, not even with an error. */
  gone = false;
  /** Writes go one after the other, so that what was validated is what is written upon. */
  readonly writing: Queue = createQueue();
  #validations: Promise<Validation[]> | undefined;
  #followers = new Set<() => void>();
  #underway = new Set<(error: HttpError) => void>();

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
    this.gone = true;
    this.written([]);
    await this.writing(() => this.pouch.destroy());
    for (const reject of this.#underway) reject(noDatabase());
  }

  /** As `work`; rejects with 404 when the database is destroyed meanwhile. */
  whileThere<T>(work: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#underway.add(reject);
      work.then(resolve, reject).finally(() => this.#underway.delete(reject));
    });
  }

  /** To be called after every write. */
  written(ids: readonly string[]): void {
    if (ids.some((id) => id.startsWith('_design/'))) this.#validations = undefined;
    for (const follower of [...this.#followers]) follower();
  }

  /** Calls back after every write, until the returned function is called. */
  follow(onWrite: () => void): () => void {
    this.#followers.add(onWrite);
    return () => this.#followers.delete(onWrite);
  }
}
