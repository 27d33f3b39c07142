/** The timing of the sync, in milliseconds. */
export interface SyncTiming {
  /** The interval of the heartbeats that the client requests from the server. Default: 10,000. */
  readonly heartbeat: number;
  /** How long nothing may arrive before the connection counts as dead. Default: 25,000. */
  readonly silence: number;
}
