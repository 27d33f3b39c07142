import { useEffect, useState } from 'react';
import type { AppStore } from '../store-types.ts';
import { PageTitle } from '../routing.tsx';
import type { AppSession } from '../session/session.ts';
import { Device } from '../two-devices/device.tsx';
import type { DevicePair } from '../two-devices/demo-devices.ts';
import { Tour } from '../two-devices/tour.tsx';
import { NetworkDiagram } from '../two-devices/network-diagram.tsx';

/** Opens the stores of the two devices while the page is shown. */
function useStores({ localDevices }: AppSession, pair: DevicePair): readonly [AppStore, AppStore] | undefined {
  const [stores, setStores] = useState<readonly [AppStore, AppStore]>();
  useEffect(() => {
    const opened = [localDevices.open(pair[0].namespace), localDevices.open(pair[1].namespace)] as const;
    setStores(opened);
    return () => {
      setStores(undefined);
      for (const store of opened) void localDevices.close(store);
    };
  }, [localDevices, pair]);
  return stores;
}

export interface TwoDevicesPageProps {
  readonly session: AppSession;
  readonly pair: DevicePair;
}

/** Two devices of one user side by side. Each can be taken offline, to show how their edits merge. */
export function TwoDevicesPage({ session, pair }: TwoDevicesPageProps) {
  const stores = useStores(session, pair);
  return (
    <div className="page wide">
      <div className="column">
        <PageTitle
          title="Two devices"
          lead="A laptop and a phone on one page, each with its own local database. Take them offline, change something on both, and watch them merge when they reconnect."
        />
        {stores !== undefined && (
          <>
            <Tour pair={pair} stores={stores} />
            <NetworkDiagram pair={pair} stores={stores} />
            <div className="pair">
              <Device device={pair[0]} store={stores[0]} />
              <Device device={pair[1]} store={stores[1]} />
            </div>
          </>
        )}
      </div>
    </div>
  );
}
