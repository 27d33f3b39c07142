import { useEffect, useState } from 'react';
import type { PreferencesStore } from '../index.ts';
import { useSyncStatus } from '../react.ts';
import { statusText, type StatusText } from './status-text.ts';

/** A save takes some milliseconds: only what lasts is worth a word. */
const PATIENCE_MS = 400;

/** The text once it has stayed the same for a while; at once when it is about more than being busy. */
function useCalm(current: StatusText): StatusText {
  const [shown, setShown] = useState(current);
  useEffect(() => {
    const timer = setTimeout(() => setShown(current), current.tone === 'busy' ? PATIENCE_MS : 0);
    return () => clearTimeout(timer);
    // The object is made anew at each drawing; what it says is what counts.
  }, [current.text, current.tone, current.detail]);
  return shown;
}

export function StatusPill({ store }: { readonly store: PreferencesStore }) {
  const status = useSyncStatus(store);
  const { tone, text, detail } = useCalm(statusText(status));
  return (
    <span
      className={`pill ${tone}`}
      role="status"
      title={detail}
      data-testid="status"
      data-state={status.state}
      data-unsent={status.unsent}
    >
      <span className="dot" aria-hidden="true" />
      {text}
    </span>
  );
}
