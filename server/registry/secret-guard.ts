import { LRUCache } from 'lru-cache';
import { findSecretField } from '../../couchdb-design/user-document/secret-fields.ts';
import type { UserDocumentId, Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../http/caller.ts';
import { forbidden, type HttpError } from '../http/errors.ts';
import { getString } from '../lib/json.ts';

/** Told of a document that is not served: whose it is, and the way to the field. */
export type OnSecretField = (username: Username, field: string) => void;

/** A name that somebody wrote may be of any length. */
const MAX_FIELD_LENGTH = 200;
/** Documents whose refused revision is remembered; there should be none. */
const MAX_REFUSED_DOCUMENTS = 1_000;

interface RefusedRevision {
  readonly rev: string;
  readonly refusal: HttpError;
}

type DocumentOwner = Pick<Caller, 'ownId' | 'username'>;

/**
 * Keeps documents back that have a field that must never be replicated: what has once been in a browser's database cannot
 * be called back. The whole answer is 403; a row's error PouchDB would ask about for ever. And since it does the same
 * after a 403 to `_bulk_get`, which it takes for a server that has none, the revision is remembered: `_changes` would
 * announce it again, and 403 there is what ends a sync for good, with an error that says why (scripts/e2e/security/secret-fields.test.ts).
 */
export class SecretGuard {
  readonly #onSecretField: OnSecretField;
  readonly #refusedRevisions = new LRUCache<UserDocumentId, RefusedRevision>({ max: MAX_REFUSED_DOCUMENTS });

  constructor(onSecretField: OnSecretField) {
    this.#onSecretField = onSecretField;
  }

  /** To be given every document that is about to be sent, each by itself. Throws 403 for one that must not be. */
  check(documents: readonly unknown[], { ownId, username }: DocumentOwner): void {
    for (const document of documents) {
      const found = findSecretField(document);
      if (found === undefined) continue;
      const field = found.path.slice(0, MAX_FIELD_LENGTH);
      const refusal = forbidden(
        `The document has the field ${JSON.stringify(field)}, which looks like a secret and is not replicated; an operator has to remove it.`,
      );
      const rev = getString(document, '_rev');
      if (rev !== undefined) this.#refusedRevisions.set(ownId, { rev, refusal });
      this.#onSecretField(username, field);
      throw refusal;
    }
  }

  /** To be given the leaves that `_changes` is about to tell. Throws 403 when one of them was kept back before. */
  checkLeaves(leaves: readonly string[], { ownId }: Pick<DocumentOwner, 'ownId'>): void {
    const refused = this.#refusedRevisions.get(ownId);
    if (refused !== undefined && leaves.includes(refused.rev)) throw refused.refusal;
  }
}
