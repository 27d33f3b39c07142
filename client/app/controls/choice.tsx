import type { ShownPreferences } from '../../index.ts';
import { useSave } from '../use-save.ts';
import { Row } from './row.tsx';

type ChoiceKey = 'theme' | 'viewMode' | 'selectedTimeRange';

export interface ChoiceProps<K extends ChoiceKey> {
  readonly name: K;
  readonly value: ShownPreferences[K];
  readonly hint?: string;
  readonly options: readonly { readonly value: ShownPreferences[K]; readonly label: string }[];
}

/** One of a few, all of them in sight: radio buttons that look like one bar. */
export function Choice<K extends ChoiceKey>({ name, value, hint, options }: ChoiceProps<K>) {
  const save = useSave();
  return (
    <Row name={name} value={value} {...(hint === undefined ? {} : { hint })}>
      <div className="segments" role="radiogroup" aria-labelledby={`${name}-label`}>
        {options.map((option) => (
          <label key={option.value} className="segment">
            <input
              type="radio"
              name={name}
              value={option.value}
              checked={option.value === value}
              onChange={() => save({ [name]: option.value })}
              data-testid={`choice-${name}-${option.value}`}
            />
            <span>{option.label}</span>
          </label>
        ))}
      </div>
    </Row>
  );
}
