/** Tables of queries, bodies, ids and headers for attacks. unknown-targets.ts has the paths. */
import { databasePath, encodeFirst, percentEncode, type AttackNames } from './names.ts';

/** Returns queries that request more than the own document from `_changes`. */
export function changesQueries({ own, other, sessions }: AttackNames): readonly string[] {
  const others = encodeURIComponent(other.id);
  return [
    '',
    '?filter=_doc_ids',
    `?filter=_doc_ids&doc_ids=["${others}"]`,
    `?FILTER=_doc_ids&Doc_Ids=["${others}"]`,
    `?doc_ids=["${others}"]`,
    `?doc_ids=["${encodeURIComponent(own.id)}"]&doc_ids=["${others}"]`,
    `?doc_ids=["${others}"]&doc_ids=["${encodeURIComponent(own.id)}"]&filter=_doc_ids`,
    `?%66ilter=_doc_ids&doc_%69ds=%5B%22${others}%22%5D`,
    '?filter=_doc_ids&filter=_view&view=registry/by_username',
    '?filter=_doc_ids&Filter=_view&view=registry/by_version',
    '?filter=_selector',
    '?filter=_view&view=registry/by_version',
    '?filter=_design',
    `?filter=registry/by_username&username=${encodeURIComponent(other.username)}`,
    '?filter=',
    `?filter[]=_doc_ids&doc_ids[]=${others}`,
    '?include_docs=true&attachments=true&conflicts=true',
    '?Include_Docs=true&STYLE=all_docs&style=main_only',
    '?since=0&since=now&SINCE=0',
    '?since=-1',
    '?since=1-embedded',
    '?since=99999999999999999999',
    '?since="0"',
    '?since=%00',
    '?last-event-id=0',
    '?Last-Event-ID=1-embedded',
    '?limit=0',
    '?limit=-1',
    '?limit=99999999999',
    '?descending=true&limit=1',
    '?seq_interval=1',
    '?feed=normal&feed=normal',
    '?feed=',
    '?feed=Continuous',
    `?_method=PURGE&db=${sessions}`,
    '?%',
    '?&&=&a&=b',
    '?constructor=1&__proto__=2&__proto__[filter]=_doc_ids',
  ];
}

/** Returns bodies that select more than the own document from `_changes`. */
export const changesBodies = ({ own, other }: AttackNames): readonly unknown[] => [
  {},
  { doc_ids: [other.id] },
  { doc_ids: [own.id, other.id] },
  { selector: { _id: { $gt: null } } },
  { filter: '_doc_ids', doc_ids: [other.id], since: 0, feed: 'continuous' },
  { doc_ids: other.id },
  [[other.id]],
  other.id,
  null,
];

const capitalize = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
const fullWidth = (character: string): string => String.fromCharCode(character.charCodeAt(0) + 0xfee0);

/** Returns ids that may be confused with those of the two users. Each is another document, and therefore missing. */
export function foreignIds({ own, other }: AttackNames): readonly string[] {
  const prefix = own.id.slice(0, own.id.length - own.username.length);
  return [
    other.id,
    `${other.id}by`,
    `${prefix}nobody`,
    prefix + capitalize(other.username),
    `${other.id} `,
    ` ${other.id}`,
    `${other.id}\u0000`,
    `${own.id}\u0000`,
    `${own.id}/`,
    `${own.id}/../${other.id}`,
    prefix + capitalize(own.username),
    own.id.toUpperCase(),
    encodeFirst(own.id, /[^a-z0-9]/),
    encodeFirst(own.id, /^./),
    `${own.id}%00`,
    `${own.id}%20`,
    `${own.id.slice(0, -1)}\u0435`,
    `${prefix}${own.username.charAt(0)}\u0301${own.username.slice(1)}`,
    fullWidth(own.id.charAt(0)) + own.id.slice(1),
    prefix + fullWidth(own.username.charAt(0)) + own.username.slice(1),
    `${own.id}\u200b`,
    `${own.id}\ud800`,
    '_design/registry',
    `_local/checkpoints:${other.username}`,
    `_local/merged:${other.username}`,
    '_local/x',
    '_security',
    `org.couchdb.user:${other.username}`,
    `suspended:${own.username}`,
    '__proto__',
    'constructor',
    'toString',
    '',
  ];
}

/** Returns headers that may mislead another server or a proxy. */
export function misleadingHeaders(names: AttackNames): readonly Readonly<Record<string, string>>[] {
  const { own, other, database } = names;
  const basic = Buffer.from(`${other.username}:`).toString('base64');
  return [
    { 'X-Auth-CouchDB-UserName': other.username, 'X-Auth-CouchDB-Roles': '_admin', 'X-Auth-CouchDB-Token': 'x' },
    { Connection: 'Authorization, Content-Length, Accept, close' },
    { Connection: 'X-Auth-CouchDB-UserName', 'X-Auth-CouchDB-UserName': other.username },
    {
      'Proxy-Authorization': `Basic ${basic}`,
      'Proxy-Connection': 'keep-alive',
      TE: 'trailers',
      'Keep-Alive': '9',
    },
    { 'X-Forwarded-For': '127.0.0.1', 'X-Forwarded-Host': 'evil.example', 'X-Forwarded-Proto': 'https' },
    {
      'X-Forwarded-User': other.username,
      'X-Remote-User': other.username,
      'X-Original-URL': `/${database}/_all_docs`,
    },
    { 'X-Rewrite-URL': `/${database}/${other.id}`, Forwarded: 'for=127.0.0.1;host=evil.example' },
    { 'X-HTTP-Method-Override': 'DELETE', 'X-HTTP-Method': 'PUT', 'X-Method-Override': 'COPY' },
    { Cookie: `AuthSession=Ym9iOjAwMDAwMDAwOmFiY2Q; refresh=${other.username}` },
    { Destination: other.id, 'If-Match': '*', 'X-Couch-Full-Commit': 'false' },
    { Accept: 'multipart/mixed, text/html' },
    { 'If-None-Match': '*', 'If-Modified-Since': 'Thu, 01 Jan 2037 00:00:00 GMT' },
    { Range: 'bytes=0-1', 'If-Range': 'x' },
    { 'Accept-Encoding': 'gzip, br, identity;q=0' },
    { Upgrade: 'websocket', Connection: 'Upgrade', 'Sec-WebSocket-Key': 'eA==', 'Sec-WebSocket-Version': '13' },
    {
      Origin: 'https://evil.example',
      'Sec-Fetch-Site': 'cross-site',
      Referer: `https://evil.example/${other.id}`,
    },
    { 'Transfer-Encoding-X': 'chunked', 'X-Api-Key': 'x', 'Max-Forwards': '0' },
    { 'Last-Event-ID': '1-embedded', 'X-Original-Path': `${databasePath(names)}/${encodeURIComponent(own.id)}` },
  ];
}

/** Encodes each character of a text, which then names the same resource only where every segment is decoded. */
export const encodeAll = (text: string): string => Array.from(text, percentEncode).join('');
