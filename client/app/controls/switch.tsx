import { useId } from 'react';
import type { ShownPreferences } from '../../index.ts';
import { useSave } from '../use-save.ts';
import { Row } from './row.tsx';

type BooleanKey = {
  [K in keyof ShownPreferences]: ShownPreferences[K] extends boolean ? K : never;
}[keyof ShownPreferences];

export interface SwitchProps {
  readonly name: BooleanKey;
  readonly value: boolean;
  readonly hint?: string;
}

/** On or off. */
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
