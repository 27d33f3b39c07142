import { useId, useRef, useState } from 'react';
import type { AppStore } from '../store-types.ts';
import type { AppSession } from '../session/session.ts';

/** Returns how many unsent changes would be lost by signing out now, because they cannot be sent. */
const countChangesAtRisk = (stores: readonly AppStore[]): number =>
  stores
    .map((store) => store.status())
    .filter(({ state }) => state === 'offline' || state === 'sign-in-needed' || state === 'starting')
    .reduce((sum, { unsent }) => sum + unsent, 0);

export interface SignOutButtonProps {
  readonly session: AppSession;
  /** An accessible name, where the text of the button is ambiguous. */
  readonly label?: string;
  readonly testId?: string;
}

/** Signs out, which removes the data from this browser. If unsent changes would be lost, it requires confirmation. */
export function SignOutButton({ session, label, testId = 'sign-out' }: SignOutButtonProps) {
  const id = useId();
  const dialog = useRef<HTMLDialogElement>(null);
  const [isSigningOut, setSigningOut] = useState(false);
  const [unsent, setUnsent] = useState(0);

  const signOut = (): void => {
    setSigningOut(true);
    void session.signOut().finally(() => setSigningOut(false));
  };
  const confirmSignOut = async (): Promise<void> => {
    await session.localDevices.openAll();
    const atRisk = countChangesAtRisk(session.stores());
    setUnsent(atRisk);
    if (atRisk > 0) dialog.current?.showModal();
    else signOut();
  };
  return (
    <>
      <button
        type="button"
        className="ghost"
        aria-label={isSigningOut ? undefined : label}
        disabled={isSigningOut}
        onClick={() => void confirmSignOut()}
        data-testid={testId}
      >
        {isSigningOut ? 'Signing out…' : 'Sign out'}
      </button>
      <dialog ref={dialog} className="card" aria-labelledby={id}>
        <h2 id={id}>Sign out and lose changes?</h2>
        <p>
          {unsent === 1 ? '1 change has' : `${unsent} changes have`} not reached the server yet and will be lost.
          Signing out removes all your data from this browser.
        </p>
        <form method="dialog" className="buttons">
          <button className="ghost">Cancel</button>
          <button className="danger" onClick={signOut} data-testid={`${testId}-anyway`}>
            Sign out anyway
          </button>
        </form>
      </dialog>
    </>
  );
}
