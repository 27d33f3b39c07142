import { useEffect, useId, useState } from 'react';
import type { AppStore } from '../store-types.ts';
import { useSyncStatus } from '../../react.ts';
import { Link } from '../routing.tsx';
import { describeReason } from '../../reasons.ts';
import { formatLastSynced, describeStatus, type StatusDescription } from '../status-text.ts';
import { useDisclosure } from '../hooks/use-disclosure.ts';
import { useNow } from '../hooks/use-now.ts';

/** A save takes a few milliseconds, so a shorter busy state is not shown. */
const BUSY_DELAY_MS = 400;

/** Delays a busy status by BUSY_DELAY_MS. Every other status is shown at once. */
function useDebouncedStatus(current: StatusDescription): StatusDescription {
  const [shown, setShown] = useState(current);
  useEffect(() => {
    const timer = setTimeout(() => setShown(current), current.tone === 'busy' ? BUSY_DELAY_MS : 0);
    return () => clearTimeout(timer);
    // The object is a new one at each render, so its members are compared.
  }, [current.text, current.tone, current.detail]);
  return shown;
}

export interface StatusPillProps {
  readonly store: AppStore;
  readonly testId?: string;
  /** Whether to link to the inspector page, which shows the main store. */
  readonly isLinked?: boolean;
}

/** The sync status in a word or two. A click shows details. */
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
        data-reason={status.reason}
      >
        <span className="dot" aria-hidden="true" />
        <span className="pill-text" role="status">
          {text}
        </span>
      </button>
      <div id={id} className="pill-details card" hidden={!isOpen} data-testid={`${testId}-details`}>
        <p>{detail}</p>
        {status.reasons.map((reason) => (
          <p key={reason}>{describeReason(reason)}</p>
        ))}
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
