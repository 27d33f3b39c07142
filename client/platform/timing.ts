/** How long the library waits for the platform, in milliseconds. */
export interface PlatformTiming {
  /** How long a facility may take to respond. Far longer than any read, write or free lock takes. */
  readonly responseMs: number;
  /** The interval at which a facility that does not work is tried again. */
  readonly retryMs: number;
}

export const DEFAULT_PLATFORM_TIMING: PlatformTiming = { responseMs: 5_000, retryMs: 10_000 };
