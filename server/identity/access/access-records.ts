import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import {
  parseSessionDocument,
  sessionDocumentId,
  parseSessionDocumentId,
  parseSuspensionDocumentId,
  suspensionDocumentId,
} from '../sessions/document.ts';

/** What one document of the sessions database says about a right. */
export type AccessRecord =
  | { readonly kind: 'session'; readonly username: Username; readonly expiresAt: number }
  /** The session has ended for good: no later news makes it alive. */
  | { readonly kind: 'ended' }
  | { readonly kind: 'suspended' }
  /** There is no such document: for a suspension that is good, for a session it is not. */
  | { readonly kind: 'absent' };

/** The documents on which a caller's right rests. A token without a session only needs its account. */
export const accessRecordIds = ({ username, sessionId }: Pick<Caller, 'username' | 'sessionId'>): string[] => [
  suspensionDocumentId(username),
  ...(sessionId === undefined ? [] : [sessionDocumentId(sessionId)]),
];

/** Reads a document; `undefined` is one that does not exist or was deleted. */
export function parseAccessRecord(id: string, document: unknown): AccessRecord {
  if (document === undefined) return { kind: 'absent' };
  // Whatever is in it: an operator may have written it by hand.
  if (parseSuspensionDocumentId(id) !== undefined) return { kind: 'suspended' };
  const session = parseSessionDocument(document);
  if (session?.ended !== undefined || session?.id !== parseSessionDocumentId(id)) return { kind: 'ended' };
  return session === undefined
    ? { kind: 'ended' }
    : { kind: 'session', username: session.username, expiresAt: session.expiresAt };
}

/** Whether a caller's right is good: `good`, or what has ended. `facts` are those of `factIds`. */
export function evaluateAccess(
  { username, sessionId }: Pick<Caller, 'username' | 'sessionId'>,
  records: ReadonlyMap<string, AccessRecord>,
  now: number,
): 'good' | 'session-over' | 'suspended' {
  if (records.get(suspensionDocumentId(username))?.kind !== 'absent') return 'suspended';
  if (sessionId === undefined) return 'good';
  const session = records.get(sessionDocumentId(sessionId));
  const isOwn = session?.kind === 'session' && session.username === username;
  return isOwn && now < session.expiresAt ? 'good' : 'session-over';
}
