import { useId } from 'react';
import type { PreferenceValues } from '../store-types.ts';
import { useSave } from '../changes/context.ts';
import { Row } from './row.tsx';

type BooleanKey = {
  [K in keyof PreferenceValues]: PreferenceValues[K] extends boolean ? K : never;
}[keyof PreferenceValues];

export interface SwitchProps {
  readonly name: BooleanKey;
  readonly value: boolean;
  readonly hint?: string;
}

/** A preference that is on or off. */
export function Switch({ name, value, hint }: SwitchProps) {
  const id = useId();
  const save = useSave();
  return (
    <Row name={name} value={value} htmlFor={id} {...(hint === undefined ? {} : { hint })}>
      <input
        id={id}
        className="switch"
        type="checkbox"
        role="switch"
        checked={value}
        onChange={(event) => save({ [name]: event.target.checked })}
        data-testid={`switch-${name}`}
      />
    </Row>
  );
}
