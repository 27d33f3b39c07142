/** Who has to tell how a feed is. */
export interface FeedListener {
  onConnect(): void;
  /** A line came, be it a heartbeat's. */
  onActivity(): void;
  /** It ended, or an attempt at it failed. */
  onDisconnect(reason: string): void;
}
