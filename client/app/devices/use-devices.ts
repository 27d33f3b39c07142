import { useCallback, useEffect, useState } from 'react';
import type { SessionSummary } from '../../../server/contract.ts';
import type { AccountRequests } from '../session/account-requests.ts';
import { isolate } from '../isolate.ts';
import { getErrorMessage } from '../session/error-message.ts';

export type DeviceListState =
  | { readonly kind: 'loading' }
  | { readonly kind: 'failed'; readonly reason: string }
  | { readonly kind: 'listed'; readonly devices: readonly SessionSummary[] };

export interface Devices {
  readonly list: DeviceListState;
  /** The result of the last action. */
  readonly message: string | undefined;
  /** The ids of the devices whose sign-out is pending. */
  readonly signingOutIds: readonly string[];
  readonly load: () => Promise<void>;
  readonly signOut: (device: SessionSummary) => void;
  readonly signOutOthers: (others: readonly SessionSummary[]) => void;
}

/** The signed-in devices. While connected, the list is loaded again whenever the page becomes visible. */
export function useDevices(account: AccountRequests, isConnected: boolean): Devices {
  const [list, setList] = useState<DeviceListState>({ kind: 'loading' });
  const [message, setMessage] = useState<string>();
  const [signingOutIds, setSigningOutIds] = useState<readonly string[]>([]);

  const load = useCallback(async (): Promise<void> => {
    try {
      setList({ kind: 'listed', devices: await account.devices() });
    } catch (failure) {
      setList({ kind: 'failed', reason: getErrorMessage(failure) });
    }
  }, [account]);
  useEffect(() => {
    if (!isConnected) return;
    const onVisible = (): void => {
      if (document.visibilityState === 'visible') void load();
    };
    onVisible();
    document.addEventListener('visibilitychange', onVisible);
    return () => document.removeEventListener('visibilitychange', onVisible);
  }, [isConnected, load]);

  const runSignOut = (
    devices: readonly SessionSummary[],
    successMessage: string,
    request: () => Promise<void>,
  ): void => {
    setSigningOutIds(devices.map(({ id }) => id));
    setMessage(undefined);
    void request()
      .then(
        () => setMessage(successMessage),
        (failure: unknown) => setMessage(`That did not work. ${getErrorMessage(failure)}`),
      )
      .then(load)
      .finally(() => setSigningOutIds([]));
  };
  return {
    list,
    message,
    signingOutIds,
    load,
    signOut: (device) =>
      runSignOut([device], `${isolate(device.device)} is signed out.`, () => account.signOutDevice(device.id)),
    signOutOthers: (others) => runSignOut(others, 'All other devices are signed out.', account.signOutOtherDevices),
  };
}
