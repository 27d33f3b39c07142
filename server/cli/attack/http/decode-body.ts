import { brotliDecompressSync, constants, gunzipSync, inflateSync } from 'node:zlib';

/** More than any expected response has, uncompressed. */
const MAX_OUTPUT_BYTES = 64 * 1024 * 1024;

/** Decodes what was received of a body, which may be cut. A proxy may compress what the server did not. */
export function decodeBody(bytes: Buffer, contentEncoding: string | undefined): string {
  try {
    return decompress(new Uint8Array(bytes), contentEncoding).toString('utf8');
  } catch {
    return bytes.toString('latin1');
  }
}

function decompress(bytes: Uint8Array, contentEncoding: string | undefined): Buffer {
  const zlib = { maxOutputLength: MAX_OUTPUT_BYTES, finishFlush: constants.Z_SYNC_FLUSH };
  switch (contentEncoding?.trim().toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return gunzipSync(bytes, zlib);
    case 'deflate':
      return inflateSync(bytes, zlib);
    case 'br':
      return brotliDecompressSync(bytes, {
        maxOutputLength: MAX_OUTPUT_BYTES,
        finishFlush: constants.BROTLI_OPERATION_FLUSH,
      });
    default:
      return Buffer.from(bytes);
  }
}
