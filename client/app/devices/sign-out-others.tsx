import { useId, useRef } from 'react';

export interface SignOutOthersProps {
  readonly count: number;
  readonly isSigningOut: boolean;
  readonly onSignOut: () => void;
}

/** A button that signs out all other devices, after a confirmation. */
export function SignOutOthers({ count, isSigningOut, onSignOut }: SignOutOthersProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  const id = useId();
  const others = count === 1 ? 'the other device' : `${count} other devices`;
  return (
    <div>
      <button
        type="button"
        className="danger"
        disabled={isSigningOut}
        onClick={() => dialog.current?.showModal()}
        data-testid="sign-out-others"
      >
        Sign out all others
      </button>
      <dialog ref={dialog} className="card" aria-labelledby={id}>
        <h2 id={id}>Sign out {others}?</h2>
        <p>You stay signed in here. Signed-out devices keep their preferences and sync again after the next sign-in.</p>
        <form method="dialog" className="buttons">
          <button className="ghost">Cancel</button>
          <button className="danger" onClick={onSignOut} data-testid="sign-out-others-confirm">
            Sign out all others
          </button>
        </form>
      </dialog>
    </div>
  );
}
