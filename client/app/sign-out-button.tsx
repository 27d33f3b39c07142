import { useRef, useState } from 'react';
import type { PreferencesStore } from '../index.ts';
import { useSyncStatus } from '../react.ts';
import type { AppSession } from './session/session.ts';

export interface SignOutButtonProps {
  readonly session: AppSession;
  readonly store: PreferencesStore;
}

/** Signing out takes the data out of this browser: whatever cannot be sent would be lost, so that is asked first. */
export function SignOutButton({ session, store }: SignOutButtonProps) {
  const { state, unsent } = useSyncStatus(store);
  const dialog = useRef<HTMLDialogElement>(null);
  const [isLeaving, setLeaving] = useState(false);
  const isAtRisk = unsent > 0 && (state === 'offline' || state === 'sign-in-needed' || state === 'starting');

  const leave = (): void => {
    setLeaving(true);
    void session.signOut().finally(() => setLeaving(false));
  };
  return (
    <>
      <button
        type="button"
        className="ghost"
        disabled={isLeaving}
        onClick={() => (isAtRisk ? dialog.current?.showModal() : leave())}
        data-testid="sign-out"
      >
        {isLeaving ? 'Signing out…' : 'Sign out'}
      </button>
      <dialog ref={dialog} className="card" aria-labelledby="sign-out-title">
        <h2 id="sign-out-title">Sign out and lose changes?</h2>
        <p>
          {unsent === 1 ? '1 change has' : `${unsent} changes have`} not reached the server yet. Signing out removes
          everything of yours from this browser.
        </p>
        <form method="dialog" className="buttons">
          <button className="ghost">Stay</button>
          <button className="danger" onClick={leave} data-testid="sign-out-anyway">
            Sign out anyway
          </button>
        </form>
      </dialog>
    </>
  );
}
