import { z } from 'zod';
import { isValidUserDocument } from '../../../../couchdb-design/testing/valid-document.ts';
import type { TestNames } from '../../../../server/testing/test-database.ts';
import type { RecordedRequest } from '../../../../server/testing/request-recorder.ts';
import type { RecordedServer } from './recorded-server.ts';

/**
 * The closed set of the gate's upstream requests: method, path, exact query keys, and a body with exact members that names
 * only the caller's document. Any other upstream request was not built by the gate.
 */

const HEX = '[0-9a-f]{32}';
const REV = `[1-9][0-9]{0,9}-${HEX}`;
const revision = z.string().regex(new RegExp(`^${REV}$`));
const noBody = z.undefined();

interface RequestShape {
  readonly name: string;
  readonly method: string;
  readonly url: RegExp;
  readonly body: z.ZodType;
  /** True for requests of `forward.ts`, which have only FORWARDED_HEADERS and ID_HEADERS. */
  readonly forwarded: boolean;
}

const FORWARDED_HEADERS = ['accept', 'accept-encoding', 'authorization', 'connection', 'host'];
/** The ids of the client's request, which the gate parses. Only these headers may have a value that the client chose. */
const ID_HEADERS: Readonly<Record<string, RegExp>> = {
  'x-request-id': /^[A-Za-z0-9._:/+=-]{1,128}$/,
  traceparent: /^00-[0-9a-f]{32}-[0-9a-f]{16}-0[0-3]$/,
};
const NANO_HEADERS = [
  ...FORWARDED_HEADERS,
  'user-agent',
  'accept-language',
  'sec-fetch-mode',
  'content-type',
  'content-length',
];

/** Matches any of these pairs, each at most once, in this order. */
const optionalQuery = (...pairs: string[]): string =>
  `\\??${pairs.map((pair, index) => `(?:${index === 0 ? '' : '&?'}${pair})?`).join('')}`;

const forwardedShape = (name: string, method: string, url: string, body: z.ZodType = noBody): RequestShape => ({
  name,
  method,
  url: new RegExp(`^${url}$`),
  body,
  forwarded: true,
});
const serviceShape = (name: string, url: string, body: z.ZodType, method = 'POST'): RequestShape => ({
  name,
  method,
  url: new RegExp(`^${url}$`),
  body,
  forwarded: false,
});

/** A row of `_bulk_docs`: a tombstone, or a valid user document. */
function writtenRow(id: string): z.ZodType {
  const own = z.literal(id);
  const tombstone = z.strictObject({
    _id: own,
    _rev: revision.optional(),
    _deleted: z.literal(true),
    _revisions: z.strictObject({ start: z.int(), ids: z.array(z.string().regex(new RegExp(`^${HEX}$`))) }).optional(),
  });
  const live = z.looseObject({ _id: own }).refine((row) => {
    const { _rev: rev, _revisions: revisions, ...document } = row;
    const head = tombstone.safeParse({ _id: id, _deleted: true, ...clean({ _rev: rev, _revisions: revisions }) });
    return head.success && isValidUserDocument(document);
  });
  return z.union([tombstone, live]);
}

/** Requests that the gate forwards as the user: reads and writes of the user's own documents. */
function forwardedShapes({ registry }: TestNames, username: string): readonly RequestShape[] {
  const id = `user_${username}`;
  const own = z.literal(id);
  const document = `/${registry}/${encodeURIComponent(id).replaceAll('.', '\\.')}`;
  const checkpoints = `/${registry}/_local/checkpoints%3A${username}`;
  const openRevs = `open_revs=(?:all|%5B(?:%22${REV}%22(?:%2C(?!%5D))?)*%5D)`;
  const readQuery = ['revs=true', 'latest=true', 'conflicts=true', 'revs_info=true', `rev=${REV}`, openRevs];
  return [
    forwardedShape('document', 'GET', `${document}${optionalQuery(...readQuery)}`),
    forwardedShape('tree', 'GET', `${document}\\?open_revs=all&revs=true`),
    forwardedShape('checkpoints', 'GET', checkpoints),
    forwardedShape(
      'checkpoints written',
      'PUT',
      checkpoints,
      z.strictObject({ entries: z.array(z.unknown()).max(32), _rev: z.string().optional() }),
    ),
    forwardedShape(
      'bulk get',
      'POST',
      `/${registry}/_bulk_get${optionalQuery('revs=true', 'latest=true')}`,
      z.strictObject({ docs: z.array(z.strictObject({ id: own, rev: revision.optional() })).min(1) }),
    ),
    forwardedShape(
      'bulk docs',
      'POST',
      `/${registry}/_bulk_docs`,
      z.strictObject({ docs: z.array(writtenRow(id)).min(1), new_edits: z.literal(false).optional() }),
    ),
  ];
}

/** Requests of the service account. */
function serviceShapes(names: TestNames, username: string, present: readonly string[]): readonly RequestShape[] {
  const mergedRevisions = `/${names.registry}/_local/merged%3A${username}`;
  return [
    serviceShape(
      'leaves',
      `/${names.registry}/_changes\\?filter=_doc_ids&style=all_docs&since=0`,
      // One batch reads the leaves of several users.
      z.strictObject({ doc_ids: z.array(z.literal(present.map((name) => `user_${name}`))).min(1) }),
    ),
    serviceShape(
      'provision',
      `/${names.registry}`,
      z.looseObject({ _id: z.literal(`user_${username}`) }).refine((document) => isValidUserDocument(document)),
    ),
    serviceShape('merged revisions', mergedRevisions, noBody, 'GET'),
    serviceShape(
      'merged revisions written',
      mergedRevisions,
      z.strictObject({ into: revision, revisions: z.array(revision).max(1_000), _rev: z.string().optional() }),
      'PUT',
    ),
    serviceShape(
      'rights',
      `/${names.sessions}/_all_docs\\?include_docs=true`,
      // A session's id comes from a token with a valid signature.
      z.strictObject({
        keys: z.array(
          z.union([z.literal(present.map((name) => `suspended:${name}`)), z.string().startsWith('session:')]),
        ),
      }),
    ),
  ];
}

const clean = (object: object): object =>
  Object.fromEntries(Object.entries(object).filter(([, value]) => value !== undefined));

/**
 * Returns a function that identifies the shape of an upstream request for `username`, or describes its problem. Reads for
 * several users may name only the users in `present`.
 */
export function createShapeCheck(
  { names, authorization }: Pick<RecordedServer, 'names' | 'authorization'>,
  username: string,
  present: readonly string[] = [username],
): (recorded: RecordedRequest) => { readonly shape: string } | { readonly problem: string } {
  const shapes = [...forwardedShapes(names, username), ...serviceShapes(names, username, present)];
  return ({ method, url, headers, body }) => {
    const parsed: unknown = body === '' ? undefined : JSON.parse(body);
    const description = `${method} ${url} ${body.slice(0, 500)}`;
    const shape = shapes.find(
      (candidate) => candidate.method === method && candidate.url.test(url) && candidate.body.safeParse(parsed).success,
    );
    if (shape === undefined) return { problem: description };
    const allowed = shape.forwarded
      ? [...FORWARDED_HEADERS, ...(body === '' ? [] : ['content-type', 'content-length'])]
      : NANO_HEADERS;
    const isExpected = (name: string): boolean =>
      allowed.includes(name) || (shape.forwarded && ID_HEADERS[name]?.test(String(headers[name])) === true);
    const unexpectedHeader = Object.keys(headers).find((name) => !isExpected(name));
    if (unexpectedHeader !== undefined) return { problem: `${description} with the header ${unexpectedHeader}` };
    return headers.authorization === authorization
      ? { shape: shape.name }
      : { problem: `${description} with other authorization` };
  };
}
