import { useState, useSyncExternalStore } from 'react';
import type { Updates } from './updates.ts';

/** Offers to reload the page when a new version is waiting. It never reloads unasked. */
export function UpdateOffer({ updates }: { readonly updates: Updates }) {
  const isUpdateWaiting = useSyncExternalStore(updates.subscribe, updates.isUpdateWaiting);
  const [isDismissed, setDismissed] = useState(false);
  return (
    <div role="status">
      {isUpdateWaiting && !isDismissed && (
        <div className="toast" data-testid="update-offer">
          <p>A new version is available.</p>
          <button type="button" className="toast-action" onClick={updates.accept} data-testid="update-accept">
            Reload
          </button>
          <button type="button" className="toast-action quiet" onClick={() => setDismissed(true)}>
            Later
          </button>
        </div>
      )}
    </div>
  );
}
