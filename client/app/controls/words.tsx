import { useId, useState } from 'react';
import { useSave } from '../use-save.ts';
import { Row } from './row.tsx';

export interface WordsProps {
  readonly name: 'tableColumns' | 'selectedTags' | 'selectedContexts' | 'selectedStatus';
  readonly value: readonly string[];
  readonly hint?: string;
  readonly placeholder: string;
}

/** couchdb-design/preferences.ts allows no more. */
const MOST = 30;
const LONGEST = 40;

/** A list of short words, each with a button that takes it out, and a field for the next. */
export function Words({ name, value, hint, placeholder }: WordsProps) {
  const id = useId();
  const save = useSave();
  const [typed, setTyped] = useState('');
  const isFull = value.length >= MOST;

  const add = (): void => {
    const word = typed.trim();
    setTyped('');
    if (word !== '' && !value.includes(word)) save({ [name]: [...value, word] });
  };
  return (
    <Row name={name} value={[...value]} htmlFor={id} isStacked {...(hint === undefined ? {} : { hint })}>
      <div className="words">
        {value.map((word) => (
          <span className="word" key={word}>
            {word}
            <button
              type="button"
              aria-label={`Remove ${word}`}
              onClick={() => save({ [name]: value.filter((other) => other !== word) })}
            >
              ×
            </button>
          </span>
        ))}
        <input
          id={id}
          value={typed}
          maxLength={LONGEST}
          disabled={isFull}
          placeholder={isFull ? `No more than ${MOST}` : placeholder}
          onChange={({ target }) => setTyped(target.value)}
          onBlur={add}
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing) return;
            if (event.key === 'Enter' || event.key === ',') {
              event.preventDefault();
              add();
            } else if (event.key === 'Backspace' && typed === '' && value.length > 0) {
              save({ [name]: value.slice(0, -1) });
            }
          }}
          data-testid={`words-${name}`}
        />
      </div>
    </Row>
  );
}
