import { useEffect, useState } from 'react';

/** Returns the time in ms since 1970. While `isActive` it is updated every `intervalMs`. */
export function useNow(isActive: boolean, intervalMs = 15_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isActive) return;
    const tick = (): void => setNow(Date.now());
    tick();
    const timer = setInterval(tick, intervalMs);
    return () => clearInterval(timer);
  }, [isActive, intervalMs]);
  return now;
}
