/** Receives the connection events of a feed. */
export interface FeedListener {
  onConnect(): void;
  /** Called for each received line, heartbeats included. */
  onActivity(): void;
  /** Called when the feed ended or an attempt to connect failed. */
  onDisconnect(reason: string): void;
}
