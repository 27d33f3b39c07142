import type { DocumentScope, ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway, serviceUnavailable } from '../../http/errors.ts';
import { retryOnConflict } from '../../lib/retry-on-conflict.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { writeExclusively } from '../../upstream/exclusive-write.ts';
import { readDocuments } from '../../upstream/read-documents.ts';
import { parseSessionDocument, sessionDocumentId, sessionIdPrefix, toSessionDocument } from './document.ts';
import type { Session } from './state.ts';

interface Decision<T> {
  readonly result: T;
  /** The state to store. Without it the session stays unchanged. */
  readonly newState?: Session;
}

/** Each conflict means that another write succeeded, so after this many the client had better retry later. */
const MAX_ATTEMPTS = 8;

const listSchema = z.object({ rows: z.array(z.object({ doc: z.unknown() })) });

const throwUpstreamError = (error: unknown): never => {
  throw toUpstreamError(error);
};

/** Reads and writes sessions in their database. Every method rejects with 502 or 503 when the database fails. */
export class SessionStore {
  readonly #couch: ServerScope;
  readonly #database: string;
  readonly #documents: DocumentScope<unknown>;
  readonly #onStored: (session: Session) => void;

  /** @param onStored called with each state once it is stored. */
  constructor(couch: ServerScope, database: string, onStored: (session: Session) => void) {
    this.#couch = couch;
    this.#database = database;
    this.#documents = couch.use(database);
    this.#onStored = onStored;
  }

  async create(session: Session): Promise<void> {
    if ((await this.#put(session, undefined)) === 'conflict') throw badGateway('The database refused a new session.');
  }

  /** Lists all sessions of one user, including ended ones. */
  async listByUser(username: Username): Promise<Session[]> {
    const prefix = sessionDocumentId(sessionIdPrefix(username));
    const range = { startkey: prefix, endkey: `${prefix}\ufff0`, include_docs: true };
    const response = listSchema.safeParse(await this.#documents.list(range).catch(throwUpstreamError));
    if (!response.success) throw badGateway('The database sent a malformed list of sessions.');
    const sessions = response.data.rows.flatMap((row) => parseSessionDocument(row.doc) ?? []);
    return sessions.filter((session) => session.username === username);
  }

  /**
   * Reads a session, stores the new state that `decide` returns, and resolves with its result. On a conflict it re-reads the
   * session and retries. Resolves with undefined when the session does not exist.
   */
  async update<T>(id: string, decide: (session: Session) => Decision<T>): Promise<T | undefined> {
    const attempt = async (): Promise<{ readonly result: T | undefined } | undefined> => {
      const stored = await this.#read(id);
      if (stored === undefined) return { result: undefined };
      const { result, newState } = decide(stored.session);
      if (newState !== undefined && (await this.#put(newState, stored.revision)) === 'conflict') return undefined;
      return { result };
    };
    const onExhausted = (): Error => serviceUnavailable('Too many concurrent changes to the session. Try again.');
    const { result } = await retryOnConflict(attempt, { maxAttempts: MAX_ATTEMPTS, onExhausted });
    return result;
  }

  /** Deletes sessions. One that is changed at the same time is kept until the next call. */
  async remove(sessions: readonly Session[]): Promise<void> {
    if (sessions.length === 0) return;
    const ids = sessions.map((session) => sessionDocumentId(session.id));
    const documents = await readDocuments(this.#couch, this.#database, ids);
    const docs = [...documents.values()].map(({ _id, _rev }) => ({ _id, _rev, _deleted: true }));
    await this.#documents.bulk({ docs }).catch(throwUpstreamError);
  }

  async #put(session: Session, revision: string | undefined): Promise<'stored' | 'conflict'> {
    const document = { ...toSessionDocument(session), ...(revision === undefined ? {} : { _rev: revision }) };
    if ((await writeExclusively(this.#couch, this.#database, document)) === undefined) return 'conflict';
    this.#onStored(session);
    return 'stored';
  }

  async #read(id: string): Promise<{ session: Session; revision: string } | undefined> {
    const documentId = sessionDocumentId(id);
    const document = (await readDocuments(this.#couch, this.#database, [documentId])).get(documentId);
    const session = parseSessionDocument(document);
    return session === undefined || document === undefined ? undefined : { session, revision: document._rev };
  }
}

/** Creates a session store. `onStored` is called with each state once it is stored. */
export const createSessionStore = (
  couch: ServerScope,
  database: string,
  onStored: (session: Session) => void,
): SessionStore => new SessionStore(couch, database, onStored);
