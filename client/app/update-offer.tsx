import { useState, useSyncExternalStore } from 'react';
import type { Updates } from './updates.ts';

/** A new version of the page waits: it is offered, never forced. */
export function UpdateOffer({ updates }: { readonly updates: Updates }) {
  const isWaiting = useSyncExternalStore(updates.subscribe, updates.isWaiting);
  const [isLater, setLater] = useState(false);
  return (
    <div role="status">
      {isWaiting && !isLater && (
        <div className="toast" data-testid="update-offer">
          <p>A new version is there.</p>
          <button type="button" className="toast-action" onClick={updates.accept} data-testid="update-accept">
            Reload
          </button>
          <button type="button" className="toast-action quiet" onClick={() => setLater(true)}>
            Later
          </button>
        </div>
      )}
    </div>
  );
}
