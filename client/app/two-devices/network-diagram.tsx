import { useSyncExternalStore } from 'react';
import { useSyncStatus } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { Icon } from '../components/icons.tsx';
import type { DemoDevice, DevicePair } from './demo-devices.ts';

/** A picture of the lines: laptop, server, phone. The pills and switches say the same in words. */
export function Wire({ pair, stores }: { readonly pair: DevicePair; readonly stores: readonly [AppStore, AppStore] }) {
  return (
    <div className="wire" aria-hidden="true">
      <Half device={pair[0]} store={stores[0]} />
      <span className="wire-server">
        <Icon name="server" size={22} />
        One CouchDB
      </span>
      <Half device={pair[1]} store={stores[1]} />
    </div>
  );
}

function Half({ device, store }: { readonly device: DemoDevice; readonly store: AppStore }) {
  const isCut = useSyncExternalStore(device.line.subscribe, device.line.isCut);
  const { state, unsent } = useSyncStatus(store);
  const isFlowing = !isCut && (unsent > 0 || state === 'catching-up');
  const looks = isCut ? 'is-cut' : isFlowing ? 'is-flowing' : state === 'live' ? 'is-live' : '';
  return (
    <span className={`wire-half ${looks}`}>
      <Icon name={device.icon} size={22} />
      <span className="wire-line">{isCut && <Icon name="close" size={18} />}</span>
    </span>
  );
}
