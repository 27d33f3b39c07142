/**
 * The headers of every live response. The first three prevent proxies and middleware from buffering it: a row and a heartbeat are
 * far smaller than the buffers of proxies and compressors.
 */
export const LIVE_HEADERS = {
  // `no-transform` (RFC 9111, 5.2.2.6) disables compression in HAProxy and in Express's `compression()`.
  'Cache-Control': 'no-store, no-transform',
  // nginx buffers every proxied response without this header.
  'X-Accel-Buffering': 'no',
  // Caddy 2.6 ignores `no-transform`, and compresses every response without a content coding. RFC 9110, 8.4.1 advises
  // against naming `identity` here. Clients ignore it: browsers, Node's fetch, node-fetch and CouchDB's replicator.
  'Content-Encoding': 'identity',
  'X-Content-Type-Options': 'nosniff',
} as const;
