import { useCallback, useEffect, useId, useRef, useState } from 'react';
import type { SessionSummary } from '../../../server/contract.ts';
import { useSyncStatus } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { DeviceItem } from '../components/device-item.tsx';
import { useNow } from '../hooks/use-now.ts';
import { TelegramSection } from '../telegram/telegram-section.tsx';
import { PageTitle } from '../routing.tsx';
import { getErrorMessage } from '../session/error-message.ts';
import type { AppSession } from '../session/session.ts';

type DeviceListState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'listed'; readonly devices: readonly SessionSummary[] };

export interface DevicesPageProps {
  readonly session: AppSession;
  readonly store: AppStore;
}

/** Where the person is signed in; each of these can be ended from here. */
export function DevicesPage({ session, store }: DevicesPageProps) {
  const { state } = useSyncStatus(store);
  const isConnected = state !== 'offline' && state !== 'sign-in-needed';
  const [deviceList, setDeviceList] = useState<DeviceListState>({ kind: 'loading' });
  const [message, setMessage] = useState<string>();
  const [signingOutIds, setSigningOutIds] = useState<readonly string[]>([]);
  const now = useNow(true, 60_000);

  const load = useCallback(async (): Promise<void> => {
    try {
      setDeviceList({ kind: 'listed', devices: await session.account.devices() });
    } catch (failure) {
      setDeviceList({ kind: 'failed', reason: getErrorMessage(failure) });
    }
  }, [session]);
  useEffect(() => {
    if (!isConnected) return;
    const onVisible = (): void => {
      if (document.visibilityState === 'visible') void load();
    };
    onVisible();
    document.addEventListener('visibilitychange', onVisible);
    return () => document.removeEventListener('visibilitychange', onVisible);
  }, [isConnected, load]);

  const signOutDevices = (ids: readonly string[], successMessage: string, request: () => Promise<void>): void => {
    setSigningOutIds(ids);
    setMessage(undefined);
    void request()
      .then(
        () => setMessage(successMessage),
        (failure: unknown) => setMessage(`That did not work. ${getErrorMessage(failure)}`),
      )
      .then(load)
      .finally(() => setSigningOutIds([]));
  };
  const devices = deviceList.kind === 'listed' ? deviceList.devices : [];
  const others = devices.filter(({ current }) => !current);

  return (
    <div className="page narrow">
      <div className="column">
        <PageTitle title="Devices" lead="Where you are signed in. A device that you sign out stops within seconds." />
        <p className="done-message" role="status" data-testid="devices-message">
          {message}
        </p>
        <section
          className="card devices"
          aria-label="Signed-in devices"
          data-testid="devices"
          data-kind={isConnected ? deviceList.kind : state}
        >
          {!isConnected && <NotConnectedMessage isOffline={state === 'offline'} />}
          {isConnected && deviceList.kind === 'loading' && <p className="empty">Asking the server…</p>}
          {isConnected && deviceList.kind === 'failed' && (
            <div className="empty" role="alert">
              <p>{deviceList.reason}</p>
              <button type="button" className="ghost" onClick={() => void load()}>
                Try again
              </button>
            </div>
          )}
          {isConnected && devices.length > 0 && (
            <ul>
              {devices.map((device) => (
                <DeviceItem
                  key={device.id}
                  device={device}
                  now={now}
                  session={session}
                  isSigningOut={signingOutIds.includes(device.id)}
                  onSignOut={() =>
                    signOutDevices([device.id], `${device.device} is signed out.`, () =>
                      session.account.signOutDevice(device.id),
                    )
                  }
                />
              ))}
            </ul>
          )}
        </section>
        {isConnected && deviceList.kind === 'listed' && others.length === 0 && (
          <p className="row-hint">You are signed in nowhere else. Sign in on a second device to see it here.</p>
        )}
        {isConnected && others.length > 0 && (
          <SignOutOthers
            count={others.length}
            isSigningOut={signingOutIds.length > 0}
            onSignOut={() =>
              signOutDevices(
                others.map(({ id }) => id),
                'All other devices are signed out.',
                session.account.signOutOtherDevices,
              )
            }
          />
        )}
        {isConnected && <TelegramSection session={session} now={now} />}
      </div>
    </div>
  );
}

function NotConnectedMessage({ isOffline }: { readonly isOffline: boolean }) {
  return (
    <div className="empty">
      <p>
        <strong>{isOffline ? 'You are offline' : 'Sign in again'}</strong>
      </p>
      <p>
        {isOffline
          ? 'The list is kept by the server, and is shown as soon as there is a connection.'
          : 'Your sign-in is over: your devices are shown when you have signed in again.'}
      </p>
    </div>
  );
}

interface SignOutOthersProps {
  readonly count: number;
  readonly isSigningOut: boolean;
  readonly onSignOut: () => void;
}

/** Everywhere else at once: asked before it is done. */
function SignOutOthers({ count, isSigningOut, onSignOut }: SignOutOthersProps) {
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
        data-testid="end-others"
      >
        Sign out all others
      </button>
      <dialog ref={dialog} className="card" aria-labelledby={id}>
        <h2 id={id}>Sign out {others}?</h2>
        <p>You stay signed in here. Elsewhere your preferences stay readable, and sync again after signing in.</p>
        <form method="dialog" className="buttons">
          <button className="ghost">Cancel</button>
          <button className="danger" onClick={onSignOut} data-testid="end-others-confirm">
            Sign out all others
          </button>
        </form>
      </dialog>
    </div>
  );
}
