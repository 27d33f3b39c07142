import { useEffect, useState } from 'react';

/** The time in ms since 1970, again and again while `isWanted`. */
export function useNow(isWanted: boolean, everyMs = 15_000): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    if (!isWanted) return;
    const tick = (): void => setNow(Date.now());
    tick();
    const timer = setInterval(tick, everyMs);
    return () => clearInterval(timer);
  }, [isWanted, everyMs]);
  return now;
}
