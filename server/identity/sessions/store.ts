import type { DocumentScope, ServerScope } from 'nano';
import { z } from 'zod';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import { badGateway, unavailable } from '../../http/errors.ts';
import { pauseAfter } from '../../lib/jittered-delay.ts';
import { toUpstreamError } from '../../upstream/upstream-error.ts';
import { writeAlone } from '../../upstream/exclusive-write.ts';
import { readDocuments } from '../../upstream/read-documents.ts';
import { fromDocument, sessionDocumentId, sessionIdPrefix, toDocument } from './document.ts';
import type { Session } from './state.ts';

/** Sessions in their database. Everything rejects with 502 or 503 when the database fails. */
export interface SessionStore {
  create(session: Session): Promise<void>;
  /** All of one user's sessions, those that are over too. */
  ofUser(username: Username): Promise<Session[]>;
  /**
   * Reads a session, stores what `decide` makes of it, and resolves with the answer it gives; from the start again when
   * another was faster. Undefined when there is no such session.
   */
  update<T>(id: string, decide: (session: Session) => Decision<T>): Promise<T | undefined>;
  /** Removes sessions for good; one that was changed meanwhile stays for another time. */
  forget(sessions: readonly Session[]): Promise<void>;
}

interface Decision<T> {
  readonly answer: T;
  /** The state to be stored; none leaves the session as it is. */
  readonly store?: Session;
}

/** Each conflict is another's success, so whoever meets this many in a row is better told to come back. */
const MOST_CONFLICTS = 8;

const listSchema = z.object({ rows: z.array(z.object({ doc: z.unknown() })) });

/** `onStored` hears of each state as soon as it is stored. */
export function createSessionStore(
  couch: ServerScope,
  database: string,
  onStored: (session: Session) => void,
): SessionStore {
  const db: DocumentScope<unknown> = couch.use(database);

  const put = async (session: Session, revision: string | undefined): Promise<'stored' | 'conflict'> => {
    const document = { ...toDocument(session), ...(revision === undefined ? {} : { _rev: revision }) };
    if ((await writeAlone(couch, database, document)) === undefined) return 'conflict';
    onStored(session);
    return 'stored';
  };

  const read = async (id: string): Promise<{ session: Session; revision: string } | undefined> => {
    const documentId = sessionDocumentId(id);
    const document = (await readDocuments(couch, database, [documentId])).get(documentId);
    const session = fromDocument(document);
    return session === undefined || document === undefined ? undefined : { session, revision: document._rev };
  };

  return {
    create: async (session) => {
      if ((await put(session, undefined)) === 'conflict') throw badGateway('The database refused a new session.');
    },

    ofUser: async (username) => {
      const prefix = sessionDocumentId(sessionIdPrefix(username));
      const range = { startkey: prefix, endkey: `${prefix}\ufff0`, include_docs: true };
      const answer = listSchema.safeParse(
        await db.list(range).catch((error: unknown) => {
          throw toUpstreamError(error);
        }),
      );
      if (!answer.success) throw badGateway("The database's answer about sessions is not one.");
      const sessions = answer.data.rows.flatMap((row) => fromDocument(row.doc) ?? []);
      return sessions.filter((session) => session.username === username);
    },

    update: async (id, decide) => {
      for (let attempt = 1; attempt <= MOST_CONFLICTS; attempt += 1) {
        const stored = await read(id);
        if (stored === undefined) return undefined;
        const { answer, store } = decide(stored.session);
        if (store === undefined || (await put(store, stored.revision)) === 'stored') return answer;
        await pauseAfter(attempt);
      }
      throw unavailable('The session is being changed by many at once.');
    },

    forget: async (sessions) => {
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
