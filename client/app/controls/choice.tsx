import { useId } from 'react';
import type { PreferenceValues } from '../store-types.ts';
import { useSave } from '../changes/context.ts';
import { Row } from './row.tsx';

type ChoiceKey = 'theme' | 'viewMode' | 'selectedTimeRange';

export interface ChoiceProps<K extends ChoiceKey> {
  readonly name: K;
  readonly value: PreferenceValues[K];
  readonly hint?: string;
  readonly options: readonly { readonly value: PreferenceValues[K]; readonly label: string }[];
}

/** A choice between a few values: radio buttons, styled as a segmented control. */
export function Choice<K extends ChoiceKey>({ name, value, hint, options }: ChoiceProps<K>) {
  const save = useSave();
  // A page may show two stores, whose radio buttons must be separate groups.
  const group = useId();
  return (
    <Row name={name} value={value} {...(hint === undefined ? {} : { hint })}>
      {(labelId) => (
        <div className="segments" role="radiogroup" aria-labelledby={labelId}>
          {options.map((option) => (
            <label key={option.value} className="segment">
              <input
                type="radio"
                name={group}
                value={option.value}
                checked={option.value === value}
                onChange={() => save({ [name]: option.value })}
                data-testid={`choice-${name}-${option.value}`}
              />
              <span>{option.label}</span>
            </label>
          ))}
        </div>
      )}
    </Row>
  );
}
