import { useSyncExternalStore } from 'react';
import { useSyncStatus } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { Icon } from '../components/icons.tsx';
import type { DemoDevice, DevicePair } from './demo-devices.ts';

/** A diagram of the connections: laptop, server, phone. Status pills and switches show the same as text. */
export function NetworkDiagram({
  pair,
  stores,
}: {
  readonly pair: DevicePair;
  readonly stores: readonly [AppStore, AppStore];
}) {
  return (
    <div className="network-diagram" aria-hidden="true">
      <DeviceConnection device={pair[0]} store={stores[0]} />
      <span className="server-node">
        <Icon name="server" size={22} />
        CouchDB
      </span>
      <DeviceConnection device={pair[1]} store={stores[1]} />
    </div>
  );
}

function DeviceConnection({ device, store }: { readonly device: DemoDevice; readonly store: AppStore }) {
  const isOffline = useSyncExternalStore(device.network.subscribe, device.network.isOffline);
  const { state, unsent } = useSyncStatus(store);
  const isTransferring = !isOffline && (unsent > 0 || state === 'catching-up');
  const stateClass = isOffline ? 'is-offline' : isTransferring ? 'is-flowing' : state === 'live' ? 'is-live' : '';
  return (
    <span className={`connection ${stateClass}`}>
      <Icon name={device.icon} size={22} />
      <span className="connection-line">{isOffline && <Icon name="close" size={18} />}</span>
    </span>
  );
}
