/** The two devices of the demonstration, each with its simulated network. */
import type { Environment } from '../../platform/environment.ts';
import type { IconName } from '../components/icons.tsx';
import { createSimulatedNetwork, type SimulatedNetwork } from './simulated-network.ts';

export interface DemoDevice {
  readonly namespace: string;
  readonly name: string;
  readonly icon: IconName;
  readonly network: SimulatedNetwork;
}

export type DevicePair = readonly [DemoDevice, DemoDevice];

export function createDevicePair(base: Environment): DevicePair {
  const createDevice = (namespace: string, name: string, icon: IconName): DemoDevice => {
    const storageKey = `${namespace}:line`;
    const onOtherTabChange = (listener: () => void): void =>
      addEventListener('storage', (event) => {
        if (event.key === storageKey) listener();
      });
    return { namespace, name, icon, network: createSimulatedNetwork({ storageKey, base, onOtherTabChange }) };
  };
  return [createDevice('pouchgate-laptop', 'Laptop', 'computer'), createDevice('pouchgate-phone', 'Phone', 'phone')];
}
