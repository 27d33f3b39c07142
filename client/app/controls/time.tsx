import { useEffect, useId, useRef, useState } from 'react';
import { useSave } from '../changes/context.ts';
import { Row } from './row.tsx';

export interface TimeProps {
  readonly name: 'briefingTime' | 'recapTime';
  readonly value: string;
  readonly isDisabled: boolean;
}

/** A time of day is typed in several keystrokes. It is saved after this pause, or when the field loses the focus. */
const SAVE_DELAY_MS = 600;

export function Time({ name, value, isDisabled }: TimeProps) {
  const id = useId();
  const save = useSave();
  const [draft, setDraft] = useState<string>();
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);

  const commit = (text: string | undefined): void => {
    clearTimeout(timer.current);
    setDraft(undefined);
    if (text !== undefined && text !== '' && text !== value) save({ [name]: text });
  };
  useEffect(() => () => clearTimeout(timer.current), []);

  return (
    <Row name={name} value={value} htmlFor={id}>
      <input
        id={id}
        type="time"
        value={draft ?? value}
        disabled={isDisabled}
        onChange={({ target }) => {
          setDraft(target.value);
          clearTimeout(timer.current);
          timer.current = setTimeout(() => commit(target.value), SAVE_DELAY_MS);
        }}
        onBlur={() => commit(draft)}
        data-testid={`time-${name}`}
      />
    </Row>
  );
}
