import { useEffect, useId, useState } from 'react';
import type { AppStore } from '../store-types.ts';
import { useSyncStatus } from '../../react.ts';
import { Link } from '../routing.tsx';
import { formatLastSynced, describeStatus, type StatusDescription } from '../status-text.ts';
import { useDisclosure } from '../hooks/use-disclosure.ts';
import { useNow } from '../hooks/use-now.ts';

/** A save takes some milliseconds: only what lasts is worth a word. */
const BUSY_DELAY_MS = 400;

/** The text once it has stayed the same for a while; at once when it is about more than being busy. */
function useDebouncedStatus(current: StatusDescription): StatusDescription {
  const [shown, setShown] = useState(current);
  useEffect(() => {
    const timer = setTimeout(() => setShown(current), current.tone === 'busy' ? BUSY_DELAY_MS : 0);
    return () => clearTimeout(timer);
    // The object is made anew at each drawing; what it says is what counts.
  }, [current.text, current.tone, current.detail]);
  return shown;
}

export interface StatusPillProps {
  readonly store: AppStore;
  readonly testId?: string;
  /** Whether the inspector's page shows this store. */
  readonly isLinked?: boolean;
}

/** How the sync is, in a word or two; a click tells more. */
export function StatusPill({ store, testId = 'status', isLinked = true }: StatusPillProps) {
  const status = useSyncStatus(store);
  const { tone, text, detail } = useDebouncedStatus(describeStatus(status));
  const { isOpen, toggle, containerRef } = useDisclosure<HTMLDivElement>();
  const now = useNow(isOpen);
  const id = useId();
  return (
    <div className="pill-holder" ref={containerRef}>
      <button
        type="button"
        className={`pill ${tone}`}
        aria-expanded={isOpen}
        aria-controls={id}
        title={detail}
        onClick={toggle}
        data-testid={testId}
        data-state={status.state}
        data-unsent={status.unsent}
      >
        <span className="dot" aria-hidden="true" />
        <span className="pill-text" role="status">
          {text}
        </span>
      </button>
      <div id={id} className="pill-details card" hidden={!isOpen} data-testid={`${testId}-details`}>
        <p>{detail}</p>
        <p className="row-hint">{formatLastSynced(status.lastSynced, now)}</p>
        <div className="buttons">
          <button type="button" className="ghost" onClick={store.retry} disabled={status.state === 'live'}>
            Sync now
          </button>
          {isLinked && (
            <Link to="inspector" className="button ghost">
              Open inspector
            </Link>
          )}
        </div>
      </div>
    </div>
  );
}
