import type { DocumentScope, ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway, serviceUnavailable } from '../../http/errors.ts';
import { delayWithJitter } from '../../lib/jittered-delay.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { writeExclusively } from '../../upstream/exclusive-write.ts';
import { readDocuments } from '../../upstream/read-documents.ts';
import { parseSessionDocument, sessionDocumentId, sessionIdPrefix, toSessionDocument } from './document.ts';
import type { Session } from './state.ts';

/** Sessions in their database. Everything rejects with 502 or 503 when the database fails. */
export interface SessionStore {
  create(session: Session): Promise<void>;
  /** All of one user's sessions, those that are over too. */
  listByUser(username: Username): Promise<Session[]>;
  /**
   * Reads a session, stores what `decide` makes of it, and resolves with the answer it gives; from the start again when
   * another was faster. Undefined when there is no such session.
   */
  update<T>(id: string, decide: (session: Session) => Decision<T>): Promise<T | undefined>;
  /** Removes sessions for good; one that was changed meanwhile stays for another time. */
  remove(sessions: readonly Session[]): Promise<void>;
}

interface Decision<T> {
  readonly result: T;
  /** The state to be stored; none leaves the session as it is. */
  readonly newState?: Session;
}

/** Each conflict is another's success, so whoever meets this many in a row is better told to come back. */
const MAX_ATTEMPTS = 8;

const listSchema = z.object({ rows: z.array(z.object({ doc: z.unknown() })) });

/** `onStored` hears of each state as soon as it is stored. */
export function createSessionStore(
  couch: ServerScope,
  database: string,
  onStored: (session: Session) => void,
): SessionStore {
  const db: DocumentScope<unknown> = couch.use(database);

  const put = async (session: Session, revision: string | undefined): Promise<'stored' | 'conflict'> => {
    const document = { ...toSessionDocument(session), ...(revision === undefined ? {} : { _rev: revision }) };
    if ((await writeExclusively(couch, database, document)) === undefined) return 'conflict';
    onStored(session);
    return 'stored';
  };

  const read = async (id: string): Promise<{ session: Session; revision: string } | undefined> => {
    const documentId = sessionDocumentId(id);
    const document = (await readDocuments(couch, database, [documentId])).get(documentId);
    const session = parseSessionDocument(document);
    return session === undefined || document === undefined ? undefined : { session, revision: document._rev };
  };

  return {
    create: async (session) => {
      if ((await put(session, undefined)) === 'conflict') throw badGateway('The database refused a new session.');
    },

    listByUser: async (username) => {
      const prefix = sessionDocumentId(sessionIdPrefix(username));
      const range = { startkey: prefix, endkey: `${prefix}\ufff0`, include_docs: true };
      const answer = listSchema.safeParse(
        await db.list(range).catch((error: unknown) => {
          throw toUpstreamError(error);
        }),
      );
      if (!answer.success) throw badGateway("The database's answer about sessions is not one.");
      const sessions = answer.data.rows.flatMap((row) => parseSessionDocument(row.doc) ?? []);
      return sessions.filter((session) => session.username === username);
    },

    update: async (id, decide) => {
      for (let attempt = 1; attempt <= MAX_ATTEMPTS; attempt += 1) {
        const stored = await read(id);
        if (stored === undefined) return undefined;
        const { result, newState } = decide(stored.session);
        if (newState === undefined || (await put(newState, stored.revision)) === 'stored') return result;
        await delayWithJitter(attempt);
      }
      throw serviceUnavailable('The session is being changed by many at once.');
    },

    remove: async (sessions) => {
      if (sessions.length === 0) return;
      const documents = await readDocuments(
        couch,
        database,
        sessions.map((session) => sessionDocumentId(session.id)),
      );
      const deletions = [...documents.values()].map(({ _id, _rev }) => ({ _id, _rev, _deleted: true }));
      await db.bulk({ docs: deletions }).catch((error: unknown) => {
        throw toUpstreamError(error);
      });
    },
  };
}
