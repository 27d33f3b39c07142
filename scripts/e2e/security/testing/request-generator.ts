import { replaceDatabaseNames, type TestNames } from '../../../../server/testing/test-database.ts';
import { randomRevision, makeBody, type AttackerKnowledge } from './malformed-bodies.ts';
import { CHANGES_QUERIES, FOREIGN_IDS, MISLEADING_HEADERS, UNKNOWN_TARGETS } from './attack-cases.ts';
import { RandomPicker } from './random.ts';

/** One random request. */
export interface Attack {
  readonly method: string;
  /** The raw request target. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Whether it names bob or an internal document, so that a response may echo the name. */
  readonly mentionsOthers: boolean;
  /** A live feed, which the client has to abort. */
  readonly isLive: boolean;
}

const METHODS = [
  'GET',
  'GET',
  'GET',
  'POST',
  'POST',
  'POST',
  'PUT',
  'PUT',
  'DELETE',
  'HEAD',
  'OPTIONS',
  'COPY',
  'PATCH',
  'PURGE',
  'TRACE',
  'MOVE',
];
const ENDPOINTS = [
  '',
  '/',
  '/_changes',
  '/_bulk_get',
  '/_revs_diff',
  '/_bulk_docs',
  '/_ensure_full_commit',
  '/_local/a',
  '/_local/b+c',
  '/user_alice',
  '/user_alice',
  '/user_bob',
  '/user_nobody',
  '/_all_docs',
  '/_design/registry',
  '/_find',
  '/_local/checkpoints:bob',
  '/_security',
];
const DOCUMENT_QUERIES = [
  'revs=true',
  'latest=true',
  'conflicts=true',
  'revs_info=true',
  'open_revs=all',
  'open_revs=[]',
  'open_revs=["1-x"]',
  'rev=1-x',
  'attachments=true',
  'meta=true',
  'local_seq=true',
  'new_edits=false',
  'batch=ok',
  'atts_since=[]',
  'deleted_conflicts=true',
];
const FEEDS = ['longpoll', 'continuous', 'eventsource', 'live'];
const CONTENT_TYPES = [
  'application/json',
  'application/json',
  'application/json',
  'application/json',
  'APPLICATION/JSON; charset=utf-8',
  'text/plain',
  'application/x-www-form-urlencoded',
  'multipart/related; boundary=x',
];

/** Requests with a matching method, path and kind of body (`makeBody`), so that many are accepted. */
const WELL_FORMED_REQUESTS: readonly (readonly [method: string, path: string, kind: number | undefined])[] = [
  ['GET', '/_changes', undefined],
  ['POST', '/_changes', 5],
  ['GET', '/', undefined],
  ['GET', '/user_alice', undefined],
  ['PUT', '/user_alice', 4],
  ['POST', '/_bulk_get', 0],
  ['POST', '/_revs_diff', 1],
  ['POST', '/_bulk_docs', 2],
  ['POST', '/_bulk_docs', 2],
  ['GET', '/_local/a', undefined],
  ['PUT', '/_local/a', 6],
  ['DELETE', '/_local/a?rev=0-1', undefined],
];

/** Encodes a text differently, in ways that some parsers consider equal. */
function reencode(picker: RandomPicker, text: string): string {
  const reencodeCharacter = (character: string): string => {
    const code = character.charCodeAt(0);
    if (code > 127) return character;
    const hex = code.toString(16).padStart(2, '0');
    return picker.pick([
      character,
      `%${hex}`,
      `%${hex.toUpperCase()}`,
      `%25${hex}`,
      character.toUpperCase(),
      `%c0%${(code | 0x80).toString(16)}`,
    ]);
  };
  return Array.from(text)
    .map((character) => (picker.chance(0.08) ? reencodeCharacter(character) : character))
    .join('');
}

/** Inserts a text into a path that may change its meaning. */
const corruptPath = (picker: RandomPicker, path: string): string => {
  const at = picker.integerBelow(path.length + 1);
  const inserted = picker.pick([
    '/',
    '//',
    '/.',
    '/..',
    '/../',
    '%2f',
    '%2e%2e/',
    ';x',
    '%00',
    '\\',
    '?',
    '#',
    '%',
    '%20',
    '+',
    '%0d%0a',
  ]);
  return path.slice(0, at) + inserted + path.slice(at);
};

function makePath(picker: RandomPicker, names: TestNames): string {
  if (picker.chance(0.2))
    return Buffer.from(replaceDatabaseNames(picker.pick(UNKNOWN_TARGETS), names), 'utf8').toString('latin1');
  const id = encodeURIComponent(picker.pick(FOREIGN_IDS).replace('\ud800', ''));
  const plain = `/sync/${names.registry}${picker.chance(0.15) ? `/${id}` : picker.pick(ENDPOINTS)}`;
  const encoded = picker.chance(0.3) ? reencode(picker, plain) : plain;
  return picker.chance(0.15) ? corruptPath(picker, encoded) : encoded;
}

function makeQuery(picker: RandomPicker, { own, names }: AttackerKnowledge): string {
  if (picker.chance(0.3)) return '';
  const pairs = picker.list(() => picker.pick(DOCUMENT_QUERIES).replaceAll('1-x', randomRevision(picker, own)), 4);
  const changes = replaceDatabaseNames(picker.pick(CHANGES_QUERIES), names).slice(1);
  const feed = picker.chance(0.1)
    ? [
        `${picker.pick(['feed', 'Feed'])}=${picker.pick(FEEDS)}`,
        picker.pick(['since=now', 'since=0', 'heartbeat=1', 'timeout=1']),
      ]
    : [];
  const all = [...pairs, ...(changes === '' ? [] : [changes]), ...feed].filter(() => picker.chance(0.8));
  return all.length === 0 ? '' : `?${all.join('&').replaceAll(' ', '%20')}`;
}

function makeHeaders(
  picker: RandomPicker,
  { token, badTokens }: AttackerKnowledge,
  hasBody: boolean,
): Record<string, string> {
  const authorization = picker.chance(0.92) ? `Bearer ${token}` : picker.pick(badTokens);
  return {
    ...(picker.chance(0.3) ? picker.pick(MISLEADING_HEADERS) : {}),
    ...(authorization === '' ? {} : { Authorization: authorization }),
    ...(hasBody && picker.chance(0.97) ? { 'Content-Type': picker.pick(CONTENT_TYPES) } : {}),
    ...(picker.chance(0.03) ? { 'Content-Encoding': picker.pick(['gzip', 'identity', 'x']) } : {}),
    ...(picker.chance(0.05) ? { 'If-Match': picker.pick(['*', '"1-x"', 'W/"1"']) } : {}),
  };
}

/** Generates the next request. The sequence depends only on the seed and on `known`. */
export function makeAttack(random: () => number, known: AttackerKnowledge): Attack {
  const picker = new RandomPicker(random);
  const toWellFormed = ([method, path, kind]: (typeof WELL_FORMED_REQUESTS)[number]) =>
    [method, `/sync/${known.names.registry}${path}`, kind] as const;
  const [method, path, kind] = picker.chance(0.5)
    ? toWellFormed(picker.pick(WELL_FORMED_REQUESTS))
    : ([
        picker.pick(METHODS),
        makePath(picker, known.names),
        picker.chance(0.5) ? picker.integerBelow(8) : undefined,
      ] as const);
  const target = path + makeQuery(picker, known);
  const body = kind === undefined ? undefined : makeBody(picker, known.own, kind);
  const headers = makeHeaders(picker, known, body !== undefined);
  // `_local`: alice's own checkpoints may contain any text that she wrote.
  const otherNames = /bob|checkpoints|suspended|_local/;
  return {
    method,
    target,
    headers,
    body,
    mentionsOthers: [target, decodeRepeatedly(target), body ?? ''].some((text) => otherNames.test(text)),
    isLive: /feed=(longpoll|continuous|live|eventsource)/i.test(target),
  };
}

/** Decodes escapes until none is left, because a response may echo a decoded name. */
function decodeRepeatedly(text: string): string {
  const once = text.replace(/%([0-7][0-9a-f])/gi, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return once === text ? once : decodeRepeatedly(once);
}
