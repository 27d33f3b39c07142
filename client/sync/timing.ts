/** The timing of the sync, in milliseconds. */
export interface SyncTiming {
  /** The interval of the heartbeats that the client requests from the server. Default: 5,000. */
  readonly heartbeat: number;
  /** How long nothing may arrive over a live connection before it is replaced. Default: 10,000. */
  readonly silence: number;
  /** How long any other request may wait for its response, or for the next part of it. Default: 10,000. */
  readonly response: number;
}
