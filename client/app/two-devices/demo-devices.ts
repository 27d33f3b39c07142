/** The two devices of the demonstration, each with its line. */
import type { Environment } from '../../platform/environment.ts';
import type { IconName } from '../components/icons.tsx';
import { createLine, type Line } from './simulated-network.ts';

export interface DemoDevice {
  readonly namespace: string;
  readonly name: string;
  readonly icon: IconName;
  readonly line: Line;
}

export type DevicePair = readonly [DemoDevice, DemoDevice];

export function createPair(base: Environment): DevicePair {
  const device = (namespace: string, name: string, icon: IconName): DemoDevice => {
    const key = `${namespace}:line`;
    const onOtherTab = (changed: () => void): void =>
      addEventListener('storage', (event) => {
        if (event.key === key) changed();
      });
    return { namespace, name, icon, line: createLine({ key, base, onOtherTab }) };
  };
  return [device('pouchgate-laptop', 'Laptop', 'computer'), device('pouchgate-phone', 'Phone', 'phone')];
}
