import { useEffect, useState, useSyncExternalStore } from 'react';
import { useSyncStatus } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { Icon } from '../components/icons.tsx';
import type { DemoDevice, DevicePair } from './demo-devices.ts';
import { nextStep, type DeviceState, type TourStep } from './steps.ts';

const STEPS = ['disconnect', 'edit', 'reconnect'] as const;

const STEP_TEXTS: Readonly<Record<(typeof STEPS)[number], readonly [string, string]>> = {
  disconnect: ['Take both offline', 'Both keep working without a connection.'],
  edit: [
    'Change something on each',
    'For example, the theme on the laptop and the view on the phone, or the same setting on both.',
  ],
  reconnect: ['Bring them back online', 'Each preference keeps its latest edit, whichever device made it.'],
};

function useDeviceState({ network }: DemoDevice, store: AppStore): DeviceState {
  const isOffline = useSyncExternalStore(network.subscribe, network.isOffline);
  const status = useSyncStatus(store);
  return { isOffline, status };
}

/** The steps to take, advanced by the state of the devices. */
export function Tour({ pair, stores }: { readonly pair: DevicePair; readonly stores: readonly [AppStore, AppStore] }) {
  const [left, right] = [useDeviceState(pair[0], stores[0]), useDeviceState(pair[1], stores[1])];
  const [step, setStep] = useState<TourStep>('disconnect');
  useEffect(
    () => setStep((current) => nextStep(current, [left, right])),
    [left.isOffline, right.isOffline, left.status, right.status],
  );

  const setBothOffline = (offline: boolean): void => pair.forEach(({ network }) => network.setOffline(offline));
  const done = step === 'merged' ? STEPS.length : STEPS.indexOf(step);
  const isAnyOffline = left.isOffline || right.isOffline;
  return (
    <section className="tour card" aria-label="Steps to see a merge" data-testid="tour" data-step={step}>
      <ol>
        {STEPS.map((each, index) => (
          <li
            key={each}
            className={index < done ? 'done' : index === done ? 'now' : ''}
            aria-current={index === done ? 'step' : undefined}
          >
            <span className="tour-mark">{index < done ? <Icon name="check" size={16} /> : index + 1}</span>
            <span>
              <strong>{STEP_TEXTS[each][0]}</strong>
              {index < done && <span className="hidden"> (done)</span>}
              <span className="row-hint">{STEP_TEXTS[each][1]}</span>
            </span>
          </li>
        ))}
      </ol>
      <div className="tour-end">
        <p role="status">
          {step === 'merged' && 'Merged: both devices have all edits. Open “Inspector” to see the revisions.'}
        </p>
        <button
          type="button"
          className={step === 'disconnect' || step === 'reconnect' ? 'primary' : 'ghost'}
          onClick={() => setBothOffline(!isAnyOffline)}
          data-testid="toggle-both"
        >
          {isAnyOffline ? 'Bring both online' : 'Take both offline'}
        </button>
      </div>
    </section>
  );
}
