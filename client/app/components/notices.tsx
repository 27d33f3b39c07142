import type { AppStore } from '../store-types.ts';
import { useSyncStatus } from '../../react.ts';
import { labelOf } from '../labels.ts';
import type { AppSession } from '../session/session.ts';
import { describeReason } from '../../reasons.ts';
import { describeSignIn, noticedReasons } from '../status-text.ts';
import { CredentialsForm } from './credentials-form.tsx';

/** The edits that the server refused, until the user dismisses the notice. */
export function RefusedNotice({ store }: { readonly store: AppStore }) {
  const { refused } = useSyncStatus(store);
  if (refused.length === 0) return null;
  return (
    <div className="notice" role="alert" data-testid="notice-refused">
      <div>
        <p>The server did not accept these changes, so they were undone:</p>
        <ul>
          {refused.map(({ key, reason }) => (
            <li key={key}>
              <strong>
                <bdi>{labelOf(key)}</bdi>
              </strong>
              : <bdi>{reason}</bdi>
            </li>
          ))}
        </ul>
      </div>
      <button type="button" className="ghost" onClick={store.dismissRefused} data-testid="dismiss-refused">
        Dismiss
      </button>
    </div>
  );
}

export interface NoticesProps {
  readonly session: AppSession;
  readonly store: AppStore;
}

/** Notices above the page that require the user's attention. */
export function Notices({ session, store }: NoticesProps) {
  const status = useSyncStatus(store);
  return (
    <>
      {noticedReasons(status).map((reason) => (
        <div key={reason} className="notice" role="alert" data-testid="notice-reason" data-reason={reason}>
          <p>{describeReason(reason)}</p>
        </div>
      ))}
      <RefusedNotice store={store} />
      {status.state === 'sign-in-needed' && (
        <section className="notice sign-in-again" aria-label="Sign in again" data-testid="sign-in-again">
          <div>
            <h2>Sign in again to sync</h2>
            <p>{describeSignIn(status)} Your preferences are still here, and you can keep editing them.</p>
          </div>
          <CredentialsForm action="Sign in again" username={store.username} isNew={false} onSubmit={session.signIn} />
        </section>
      )}
    </>
  );
}

/** An error in this browser that the user can dismiss. */
export function ErrorNotice({
  error,
  onDismiss,
}: {
  readonly error: string | undefined;
  readonly onDismiss: () => void;
}) {
  if (error === undefined) return null;
  return (
    <div className="notice" role="alert" data-testid="notice-error">
      <p>{error}</p>
      <button type="button" className="ghost" onClick={onDismiss}>
        Dismiss
      </button>
    </div>
  );
}
