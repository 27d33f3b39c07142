/** The content codings that proxies append to an entity tag when they compress a response: Apache sends `"x-gzip"` for `"x"`. */
const CODING_SUFFIX = /-(?:gzip|br|zstd|deflate)$/;

/**
 * Returns the opaque tag of an entity tag as this server sent it, without the changes of a compressing proxy: nginx and HAProxy
 * send `W/"x"` for `"x"`, and Apache sends `"x-gzip"`. Returns `undefined` for a text that is not an entity tag.
 *
 * So every comparison is weak, including `If-Match`, for which RFC 9110, 13.1.1 requires a strong one. A strong comparison
 * prevents a client from editing bytes that it does not have. Our tags identify the state of a document, not the bytes of a
 * response, and an edit is applied to the state. A proxy that compresses a response changes its bytes and not the state.
 */
export function opaqueTagOf(entityTag: string): string | undefined {
  // RFC 9110, 8.8.3: `W/` is case-sensitive.
  const [, opaqueTag] = /^(?:W\/)?"([^"]*)"$/.exec(entityTag) ?? [];
  return opaqueTag?.replace(CODING_SUFFIX, '');
}
