/** The timeouts and retry intervals for the platform, in milliseconds. */
export interface PlatformTiming {
  /** The timeout of a facility. Far longer than a read, a write or the acquisition of a free lock takes. */
  readonly responseMs: number;
  /** The interval at which a facility that does not work is retried. */
  readonly retryMs: number;
}

export const DEFAULT_PLATFORM_TIMING: PlatformTiming = { responseMs: 5_000, retryMs: 10_000 };
