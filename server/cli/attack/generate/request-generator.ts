import { changesQueries, foreignIds, misleadingHeaders } from './attack-cases.ts';
import { BODY_KINDS, BodyGenerator, type OwnDocument } from './malformed-bodies.ts';
import { databasePath, decodeRepeatedly, toRequestTarget, type AttackNames } from './names.ts';
import { RandomPicker } from './random.ts';
import { unknownTargets } from './unknown-targets.ts';

/** One random request. */
export interface Attack {
  readonly method: string;
  /** The raw request target. */
  readonly target: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | undefined;
  /** Whether it names the other user or an internal document, so that a response may echo the name. */
  readonly mentionsOthers: boolean;
  /** A live feed, which the client has to abort. */
  readonly isLive: boolean;
}

/** What the attacker knows. Valid values are mixed with invalid ones, so that many requests are accepted. */
export interface AttackerKnowledge {
  /** The current own document. */
  readonly own: OwnDocument;
  readonly token: string;
  readonly badTokens: readonly string[];
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
/** Returns paths below the database's. */
const endpoints = ({ own, other }: AttackNames): readonly string[] => [
  '',
  '/',
  '/_changes',
  '/_bulk_get',
  '/_revs_diff',
  '/_bulk_docs',
  '/_ensure_full_commit',
  '/_local/a',
  '/_local/b+c',
  `/${own.id}`,
  `/${own.id}`,
  `/${other.id}`,
  '/user_nobody',
  '/_all_docs',
  '/_design/registry',
  '/_find',
  `/_local/checkpoints:${other.username}`,
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

type WellFormedRequest = readonly [method: string, path: string, kind: number | undefined];

/** Returns requests with a matching method, path and kind of body (`BodyGenerator`), so that many are accepted. */
const wellFormedRequests = ({ own: { id } }: AttackNames): readonly WellFormedRequest[] => [
  ['GET', '/_changes', undefined],
  ['POST', '/_changes', 5],
  ['GET', '/', undefined],
  ['GET', `/${id}`, undefined],
  ['PUT', `/${id}`, 4],
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

/** Generates requests. Their sequence depends only on the names, the random numbers and what the attacker knows. */
export class AttackGenerator {
  readonly #picker: RandomPicker;
  readonly #bodies: BodyGenerator;
  readonly #path: string;
  readonly #tables: {
    readonly requests: readonly WellFormedRequest[];
    readonly endpoints: readonly string[];
    readonly targets: readonly string[];
    readonly ids: readonly string[];
    readonly queries: readonly string[];
    readonly headers: readonly Readonly<Record<string, string>>[];
  };
  readonly #otherNames: readonly string[];

  /** @param random returns numbers in [0, 1) */
  constructor(names: AttackNames, random: () => number) {
    this.#picker = new RandomPicker(random);
    this.#bodies = new BodyGenerator(this.#picker, names);
    this.#path = databasePath(names);
    this.#tables = {
      requests: wellFormedRequests(names),
      endpoints: endpoints(names),
      targets: unknownTargets(names),
      // A lone surrogate has no encoding in a path.
      ids: foreignIds(names).map((id) => encodeURIComponent(id.replace('\ud800', ''))),
      queries: changesQueries(names),
      headers: misleadingHeaders(names),
    };
    // `_local`: the attacker's own checkpoints may contain any text that they wrote.
    this.#otherNames = [names.other.username, 'checkpoints', 'suspended', '_local'];
  }

  next(known: AttackerKnowledge): Attack {
    const picker = this.#picker;
    const [method, path, kind] = picker.chance(0.5) ? this.#wellFormed() : this.#malformed();
    const target = path + this.#query(known.own);
    const body = kind === undefined ? undefined : this.#bodies.body(known.own, kind);
    const headers = this.#headers(known, body !== undefined);
    return {
      method,
      target,
      headers,
      body,
      mentionsOthers: this.#mentionsOthers(`${target}\n${decodeRepeatedly(target)}\n${body ?? ''}`),
      isLive: /feed=(longpoll|continuous|live|eventsource)/i.test(target),
    };
  }

  #mentionsOthers = (text: string): boolean => this.#otherNames.some((name) => text.includes(name));

  #wellFormed(): WellFormedRequest {
    const [method, path, kind] = this.#picker.pick(this.#tables.requests);
    return [method, this.#path + path, kind];
  }

  #malformed(): WellFormedRequest {
    const picker = this.#picker;
    return [
      picker.pick(METHODS),
      this.#malformedPath(),
      picker.chance(0.5) ? picker.integerBelow(BODY_KINDS) : undefined,
    ];
  }

  #malformedPath(): string {
    const picker = this.#picker;
    if (picker.chance(0.2)) return toRequestTarget(picker.pick(this.#tables.targets));
    const id = picker.pick(this.#tables.ids);
    const plain = this.#path + (picker.chance(0.15) ? `/${id}` : picker.pick(this.#tables.endpoints));
    const encoded = picker.chance(0.3) ? reencode(picker, plain) : plain;
    return picker.chance(0.15) ? corruptPath(picker, encoded) : encoded;
  }

  #query(own: OwnDocument): string {
    const picker = this.#picker;
    if (picker.chance(0.3)) return '';
    const pairs = picker.list(() => picker.pick(DOCUMENT_QUERIES).replaceAll('1-x', this.#bodies.revision(own)), 4);
    const changes = picker.pick(this.#tables.queries).slice(1);
    const feed = picker.chance(0.1)
      ? [
          `${picker.pick(['feed', 'Feed'])}=${picker.pick(FEEDS)}`,
          picker.pick(['since=now', 'since=0', 'heartbeat=1', 'timeout=1']),
        ]
      : [];
    const all = [...pairs, ...(changes === '' ? [] : [changes]), ...feed].filter(() => picker.chance(0.8));
    return all.length === 0 ? '' : `?${all.join('&').replaceAll(' ', '%20')}`;
  }

  #headers({ token, badTokens }: AttackerKnowledge, hasBody: boolean): Record<string, string> {
    const picker = this.#picker;
    const authorization = picker.chance(0.92) ? `Bearer ${token}` : picker.pick(badTokens);
    return {
      ...(picker.chance(0.3) ? picker.pick(this.#tables.headers) : {}),
      ...(authorization === '' ? {} : { Authorization: authorization }),
      ...(hasBody && picker.chance(0.97) ? { 'Content-Type': picker.pick(CONTENT_TYPES) } : {}),
      ...(picker.chance(0.03) ? { 'Content-Encoding': picker.pick(['gzip', 'identity', 'x']) } : {}),
      ...(picker.chance(0.05) ? { 'If-Match': picker.pick(['*', '"1-x"', 'W/"1"']) } : {}),
    };
  }
}
