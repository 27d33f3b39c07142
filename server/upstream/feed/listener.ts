/** Who has to tell how a feed is. */
export interface FeedListener {
  onUp(): void;
  /** A line came, be it a heartbeat's. */
  onHeard(): void;
  /** It ended, or an attempt at it failed. */
  onDown(reason: string): void;
}
