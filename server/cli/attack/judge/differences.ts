import { headerValues, type ObservedResponse } from '../http/observed-response.ts';

/** Headers that describe the resource. Others, such as `Date`, a request's id and those of proxies, may differ. */
const COMPARED_HEADERS = [
  'allow',
  'cache-control',
  'content-type',
  'etag',
  'last-modified',
  'location',
  'vary',
  'www-authenticate',
] as const;

/**
 * Returns how the responses to two requests differ that name different documents, apart from the names. Such a difference reveals
 * which of the two exists.
 *
 * @param ids The id that each request names.
 */
export function findDifferences(
  [first, second]: readonly [ObservedResponse, ObservedResponse],
  [firstId, secondId]: readonly [string, string],
): readonly string[] {
  if (first.status !== second.status) return [`the status is ${first.status} instead of ${second.status}`];
  const header = (response: ObservedResponse, name: string): string =>
    headerValues(response, name).join().replace(BOUNDARY_PARAMETER, '');
  const differingHeaders = COMPARED_HEADERS.filter((name) => header(first, name) !== header(second, name));
  const sameBody = comparable(first, firstId) === comparable(second, secondId);
  return [...differingHeaders.map((name) => `${name} differs`), ...(sameBody ? [] : ['the body differs'])];
}

/** The boundary of a multipart body is random. */
const BOUNDARY_PARAMETER = /; *boundary=.*/;
const BOUNDARY_LINE = /^--.*$/gm;

function comparable(response: ObservedResponse, id: string): string {
  const body = response.body.replaceAll(id, '<id>').replaceAll(encodeURIComponent(id), '<id>');
  const isMultipart = headerValues(response, 'content-type').join().startsWith('multipart/');
  return isMultipart ? body.replace(BOUNDARY_LINE, '--') : body;
}
