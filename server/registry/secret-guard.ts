import { LRUCache } from 'lru-cache';
import { findSecretField } from '../../couchdb-design/user-document/secret-fields.ts';
import { formatSubject, type UserDocumentId, type Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../http/caller.ts';
import { forbidden, type HttpError } from '../http/errors.ts';
import { getString } from '../lib/json.ts';

/** Called for each document that is not served, with its owner and the path of the field. */
export type OnSecretField = (username: Username, field: string) => void;

/** A field name in a document may have any length. */
const MAX_FIELD_LENGTH = 200;
/** How many documents have their refused revision cached; normally there are none. */
const MAX_REFUSED_DOCUMENTS = 1_000;

interface RefusedRevision {
  readonly rev: string;
  readonly refusal: HttpError;
}

type DocumentOwner = Pick<Caller, 'ownId' | 'username'>;

/**
 * Refuses to replicate documents with a field that must never be replicated. The other interfaces omit the field instead.
 *
 * A 403 is the only way to withhold it: data in a browser's database cannot be recalled. The whole
 * response is 403, because PouchDB retries a row's error forever. It also retries after a 403 to `_bulk_get`, which it
 * takes for a server without that endpoint. So the revision is cached, and `_changes` answers 403, which ends a sync for
 * good with an error that gives the reason (scripts/e2e/security/secret-fields.test.ts).
 */
export class SecretGuard {
  readonly #onSecretField: OnSecretField;
  readonly #refusedRevisions = new LRUCache<UserDocumentId, RefusedRevision>({ max: MAX_REFUSED_DOCUMENTS });

  constructor(onSecretField: OnSecretField) {
    this.#onSecretField = onSecretField;
  }

  /** Call with every document before it is sent. Throws 403 if one has a secret field. */
  check(documents: readonly unknown[], { ownId, username }: DocumentOwner): void {
    for (const document of documents) {
      const found = findSecretField(document);
      if (found === undefined) continue;
      const field = found.path.slice(0, MAX_FIELD_LENGTH);
      const refusal = forbidden(
        `The document has the member ${JSON.stringify(field)}, which looks like a secret and is not replicated. An operator can remove it: users repair ${formatSubject(username)}.`,
      );
      const rev = getString(document, '_rev');
      if (rev !== undefined) this.#refusedRevisions.set(ownId, { rev, refusal });
      this.#onSecretField(username, field);
      throw refusal;
    }
  }

  /** Call with the leaves that `_changes` is about to send. Throws 403 if one of them was refused before. */
  checkLeaves(leaves: readonly string[], { ownId }: Pick<DocumentOwner, 'ownId'>): void {
    const refused = this.#refusedRevisions.get(ownId);
    if (refused !== undefined && leaves.includes(refused.rev)) throw refused.refusal;
  }
}
