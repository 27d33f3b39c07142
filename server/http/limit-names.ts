/**
 * The limits whose effects are counted: in `pouchgate_limited_requests_total`, in the log, and by name in `/readyz`. A closed set,
 * because it is a metric's label.
 */
export const LIMITS = [
  'admission_queue',
  'connection_share',
  'connections',
  'pipelined_requests',
  'rate_limit',
  'total_body_bytes',
  'user_requests',
] as const;
export type LimitName = (typeof LIMITS)[number];
