/** The timing of the sync, in milliseconds. */
export interface SyncTiming {
  /** The interval of the heartbeats that the client requests from the server, 1,000 to 60,000. Default: 5,000. */
  readonly heartbeat: number;
  /** The idle timeout of a live connection: it is replaced if nothing arrives for this time. More than `heartbeat`. Default: 9,000. */
  readonly silence: number;
  /** How long any other request may wait for its response, or for the next part of its response. Default: 10,000. */
  readonly response: number;
}
