import { useEffect, useState, useSyncExternalStore } from 'react';
import { useSyncStatus } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { Icon } from '../components/icons.tsx';
import type { DemoDevice, DevicePair } from './demo-devices.ts';
import { nextStep, type Seen, type Step } from './steps.ts';

const STEPS = ['cut', 'edit', 'mend'] as const;

const TEXTS: Readonly<Record<(typeof STEPS)[number], readonly [string, string]>> = {
  cut: ['Take both offline', 'Their lines are cut. Everything goes on working.'],
  edit: ['Change something on each', 'Say, the theme on the laptop and the view on the phone; or the same on both.'],
  mend: ['Bring them back online', 'Each preference keeps its latest edit, from whichever device it came.'],
};

function useSeen({ line }: DemoDevice, store: AppStore): Seen {
  const isCut = useSyncExternalStore(line.subscribe, line.isCut);
  const status = useSyncStatus(store);
  return { isCut, status };
}

/** What to do next, told from what the devices do: nothing has to be clicked away. */
export function Tour({ pair, stores }: { readonly pair: DevicePair; readonly stores: readonly [AppStore, AppStore] }) {
  const [left, right] = [useSeen(pair[0], stores[0]), useSeen(pair[1], stores[1])];
  const [step, setStep] = useState<Step>('cut');
  useEffect(() => setStep((now) => nextStep(now, [left, right])), [left.isCut, right.isCut, left.status, right.status]);

  const setBoth = (cut: boolean): void => pair.forEach(({ line }) => line.setCut(cut));
  const done = step === 'merged' ? STEPS.length : STEPS.indexOf(step);
  const isAnyCut = left.isCut || right.isCut;
  return (
    <section className="tour card" aria-label="How to see them merge" data-testid="tour" data-step={step}>
      <ol>
        {STEPS.map((each, index) => (
          <li
            key={each}
            className={index < done ? 'done' : index === done ? 'now' : ''}
            aria-current={index === done ? 'step' : undefined}
          >
            <span className="tour-mark">{index < done ? <Icon name="check" size={16} /> : index + 1}</span>
            <span>
              <strong>{TEXTS[each][0]}</strong>
              {index < done && <span className="hidden"> (done)</span>}
              <span className="row-hint">{TEXTS[each][1]}</span>
            </span>
          </li>
        ))}
      </ol>
      <div className="tour-end">
        <p role="status">
          {step === 'merged' && 'Merged: both devices have the edits of both. “Look inside” shows the revisions.'}
        </p>
        <button
          type="button"
          className={step === 'cut' || step === 'mend' ? 'primary' : 'ghost'}
          onClick={() => setBoth(!isAnyCut)}
          data-testid="both"
        >
          {isAnyCut ? 'Bring both online' : 'Take both offline'}
        </button>
      </div>
    </section>
  );
}
