/** Returns how long a link is still valid, or undefined once it has expired. Times are in ms since 1970. */
export function formatExpiry(expiresAt: number, now: number): string | undefined {
  if (now >= expiresAt) return undefined;
  const minutes = Math.ceil((expiresAt - now) / 60_000);
  return `Valid once, for ${minutes === 1 ? '1 more minute' : `${minutes} more minutes`}.`;
}
