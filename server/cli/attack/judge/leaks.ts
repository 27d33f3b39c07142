import { decodeRepeatedly, type AttackNames } from '../generate/names.ts';
import type { HttpRequest } from '../http/http-client.ts';
import type { ObservedResponse } from '../http/observed-response.ts';

/** What no response to the attacker may contain. */
export interface Secrets {
  /** Texts that the other user wrote, and the parts of revisions that cannot be guessed. */
  readonly texts: readonly string[];
  readonly names: AttackNames;
}

/** Texts that only CouchDB, Pouchgate's internal documents or an administrator's interface contain. */
const INTERNAL_TEXTS = [
  '"total_rows"',
  '"userCtx"',
  '"admins"',
  '"all_nodes"',
  '"couch_httpd"',
  '"httpd"',
  '"_replicator"',
  'validate_doc_update',
  'org.couchdb.user:',
  'Project Fauxton',
  // The start of an opaque sequence of CouchDB.
  '-g1AAAA',
  'checkpoints:',
  'merged:',
  'suspended:',
] as const;

/** An id in a row or document; ids with escapes are not compared. */
const ID_MEMBER = /"_?id":\s*"([^"\\]+)"/g;
/** What may follow an id within a longer one. */
const ID_CHARACTER = /[a-z0-9_.@+=-]/;

/**
 * Returns what a response reveals to the attacker. A response may echo what the request contains, also decoded.
 *
 * @param exempt Internal texts that are no leak, because the attacker's own document contains them.
 */
export function findLeaks(
  { head, body }: ObservedResponse,
  request: Pick<HttpRequest, 'target' | 'headers' | 'body'>,
  { texts, names }: Secrets,
  exempt: readonly string[] = [],
): readonly string[] {
  const received = `${head}\n${body}`;
  const sent = [
    request.target,
    decodeRepeatedly(request.target),
    request.body ?? '',
    JSON.stringify(request.headers ?? {}),
  ];
  const isEcho = (text: string): boolean => sent.some((part) => part.includes(text));
  const revealed = [
    ...texts.filter((text) => received.includes(text)),
    ...INTERNAL_TEXTS.filter((text) => received.includes(text) && !exempt.includes(text)),
    ...(CHECKPOINT.test(decodeRepeatedly(request.target)) ? [] : revealedIds(received, body, names)),
  ];
  return [...new Set(revealed)].filter((text) => !isEcho(text));
}

/** A user's own checkpoints contain any text that the user wrote, so also ids. */
const CHECKPOINT = /\/_local\//;

const revealedIds = (received: string, body: string, names: AttackNames): readonly string[] => [
  ...(includesId(received, names.other.id) ? [names.other.id] : []),
  ...foreignIdsIn(body, names),
];

/** Whether a text contains an id that is not the start of a longer one. */
function includesId(text: string, id: string): boolean {
  for (let at = text.indexOf(id); at >= 0; at = text.indexOf(id, at + 1)) {
    if (!ID_CHARACTER.test(text.charAt(at + id.length))) return true;
  }
  return false;
}

/** The ids of other users' documents in rows. */
function foreignIdsIn(body: string, { own }: AttackNames): readonly string[] {
  const prefix = own.id.slice(0, own.id.length - own.username.length);
  if (prefix === '') return [];
  return Array.from(body.matchAll(ID_MEMBER), ([, id = '']) => id).filter(
    (id) => id.startsWith(prefix) && id !== own.id,
  );
}

/** The internal texts in a response that is the attacker's own, and therefore no leaks. */
export const ownTexts = ({ body }: Pick<ObservedResponse, 'body'>): readonly string[] =>
  INTERNAL_TEXTS.filter((text) => body.includes(text));
