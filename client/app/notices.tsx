import type { PreferencesStore } from '../index.ts';
import { useSyncStatus } from '../react.ts';
import { CredentialsForm } from './credentials-form.tsx';
import { labelOf } from './labels.ts';
import type { AppSession } from './session/session.ts';

export interface NoticesProps {
  readonly session: AppSession;
  readonly store: PreferencesStore;
  readonly error: string | undefined;
  readonly onDismiss: () => void;
}

/** What the person has to know or do, above everything else. Nothing, mostly. */
export function Notices({ session, store, error, onDismiss }: NoticesProps) {
  const { state, refused } = useSyncStatus(store);
  return (
    <>
      {error !== undefined && (
        <div className="notice" role="alert" data-testid="notice-error">
          <p>{error}</p>
          <button type="button" className="ghost" onClick={onDismiss}>
            Close
          </button>
        </div>
      )}
      {refused.length > 0 && (
        <div className="notice" role="alert" data-testid="notice-refused">
          <div>
            <p>The server did not accept everything, and what it refused was taken back:</p>
            <ul>
              {refused.map(({ key, reason }) => (
                <li key={key}>
                  <strong>{labelOf(key)}</strong>: {reason}
                </li>
              ))}
            </ul>
          </div>
          <button type="button" className="ghost" onClick={store.dismissRefused} data-testid="dismiss-refused">
            I understand
          </button>
        </div>
      )}
      {state === 'sign-in-needed' && (
        <section className="notice card sign-in-again" aria-label="Sign in again" data-testid="sign-in-again">
          <div>
            <h2>Sign in again to sync</h2>
            <p>Your sign-in is over. Your preferences are still here, and you can go on changing them.</p>
          </div>
          <CredentialsForm action="Sign in again" username={store.username} isNew={false} onSubmit={session.signIn} />
        </section>
      )}
    </>
  );
}
