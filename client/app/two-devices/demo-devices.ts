/** The two devices of the demonstration, each with its line. */
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
    const onOtherTabChange = (changed: () => void): void =>
      addEventListener('storage', (event) => {
        if (event.key === storageKey) changed();
      });
    return { namespace, name, icon, network: createSimulatedNetwork({ storageKey, base, onOtherTabChange }) };
  };
  return [createDevice('pouchgate-laptop', 'Laptop', 'computer'), createDevice('pouchgate-phone', 'Phone', 'phone')];
}
