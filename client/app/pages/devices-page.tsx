import { useSyncStatus } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { DeviceItem } from '../devices/device-item.tsx';
import { useNow } from '../hooks/use-now.ts';
import { PageTitle } from '../routing.tsx';
import type { AppSession } from '../session/session.ts';
import { TelegramSection } from '../telegram/telegram-section.tsx';
import { SignOutOthers } from '../devices/sign-out-others.tsx';
import { useDevices, type Devices } from '../devices/use-devices.ts';

export interface DevicesPageProps {
  readonly session: AppSession;
  readonly store: AppStore;
}

/** The devices where the user is signed in, each with a button that signs it out. */
export function DevicesPage({ session, store }: DevicesPageProps) {
  const { state } = useSyncStatus(store);
  const isConnected = state !== 'offline' && state !== 'sign-in-needed';
  const devices = useDevices(session.account, isConnected);
  const { list, message, signingOutIds } = devices;
  const others = list.kind === 'listed' ? list.devices.filter(({ current }) => !current) : [];
  const now = useNow(true, 60_000);

  return (
    <div className="page narrow">
      <div className="column">
        <PageTitle
          title="Devices"
          lead="Where you are signed in. A device that you sign out stops syncing within seconds."
        />
        <p className="done-message" role="status" data-testid="devices-message">
          {message}
        </p>
        <section
          className="card devices"
          aria-label="Signed-in devices"
          data-testid="devices"
          data-kind={isConnected ? list.kind : state}
        >
          {isConnected ? (
            <DeviceList devices={devices} session={session} now={now} />
          ) : (
            <NotConnectedMessage isOffline={state === 'offline'} />
          )}
        </section>
        {isConnected && list.kind === 'listed' && others.length === 0 && (
          <p className="row-hint">You are not signed in anywhere else. Sign in on another device to see it here.</p>
        )}
        {isConnected && others.length > 0 && (
          <SignOutOthers
            count={others.length}
            isSigningOut={signingOutIds.length > 0}
            onSignOut={() => devices.signOutOthers(others)}
          />
        )}
        {isConnected && <TelegramSection account={session.account} now={now} />}
      </div>
    </div>
  );
}

interface DeviceListProps {
  readonly devices: Devices;
  readonly session: AppSession;
  readonly now: number;
}

function DeviceList({ devices: { list, signingOutIds, load, signOut }, session, now }: DeviceListProps) {
  switch (list.kind) {
    case 'loading':
      return <p className="empty">Loading devices…</p>;
    case 'failed':
      return (
        <div className="empty" role="alert">
          <p>{list.reason}</p>
          <button type="button" className="ghost" onClick={() => void load()}>
            Try again
          </button>
        </div>
      );
    case 'listed':
      if (list.devices.length === 0) return null;
      return (
        <ul>
          {list.devices.map((device) => (
            <DeviceItem
              key={device.id}
              device={device}
              now={now}
              session={session}
              isSigningOut={signingOutIds.includes(device.id)}
              onSignOut={() => signOut(device)}
            />
          ))}
        </ul>
      );
  }
}

function NotConnectedMessage({ isOffline }: { readonly isOffline: boolean }) {
  return (
    <div className="empty">
      <p>
        <strong>{isOffline ? 'You are offline' : 'Sign in again'}</strong>
      </p>
      <p>
        {isOffline
          ? 'Your devices appear here when you are back online.'
          : 'Your session has ended. Sign in again to see your devices.'}
      </p>
    </div>
  );
}
