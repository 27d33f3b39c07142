import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import {
  parseSessionDocument,
  sessionDocumentId,
  parseSessionDocumentId,
  parseSuspensionDocumentId,
  suspensionDocumentId,
} from '../sessions/document.ts';

/** What one document of the sessions database means for access. */
export type AccessRecord =
  | { readonly kind: 'session'; readonly username: Username; readonly expiresAt: number }
  /** The session has ended. This is final: no later revision makes it active again. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'suspended' }
  /** The document does not exist. The account is not suspended, or the session is unknown. */
  | { readonly kind: 'absent' };

/** Returns the ids of the documents that a caller's access depends on. A token without a session depends on its account only. */
export const accessRecordIds = ({ username, sessionId }: Pick<Caller, 'username' | 'sessionId'>): string[] => [
  suspensionDocumentId(username),
  ...(sessionId === undefined ? [] : [sessionDocumentId(sessionId)]),
];

/** Parses a document; `undefined` stands for one that does not exist or is deleted. */
export function parseAccessRecord(id: string, document: unknown): AccessRecord {
  if (document === undefined) return { kind: 'absent' };
  // The content does not matter: an operator may have written the document by hand.
  if (parseSuspensionDocumentId(id) !== undefined) return { kind: 'suspended' };
  const session = parseSessionDocument(document);
  if (session?.ended !== undefined || session?.id !== parseSessionDocumentId(id)) return { kind: 'ended' };
  return session === undefined
    ? { kind: 'ended' }
    : { kind: 'session', username: session.username, expiresAt: session.expiresAt };
}

/** Decides whether a caller has access. `records` are those of `accessRecordIds`; `now` is in ms since 1970. */
export function evaluateAccess(
  { username, sessionId }: Pick<Caller, 'username' | 'sessionId'>,
  records: ReadonlyMap<string, AccessRecord>,
  now: number,
): 'active' | 'session-ended' | 'suspended' {
  if (records.get(suspensionDocumentId(username))?.kind !== 'absent') return 'suspended';
  if (sessionId === undefined) return 'active';
  const session = records.get(sessionDocumentId(sessionId));
  const isOwn = session?.kind === 'session' && session.username === username;
  return isOwn && now < session.expiresAt ? 'active' : 'session-ended';
}
