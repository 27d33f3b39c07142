import { useId, useState } from 'react';
import { PREFERENCE_RULES } from '../../../couchdb-design/user-document/preference-rules.ts';
import { useSave } from '../changes/context.ts';
import { Icon } from '../components/icons.tsx';
import { Row } from './row.tsx';

export interface TagInputProps {
  readonly name: 'tableColumns' | 'selectedTags' | 'selectedContexts' | 'selectedStatus';
  readonly value: readonly string[];
  readonly hint?: string;
  readonly placeholder: string;
  /** Words that are offered while one types. */
  readonly suggestions?: readonly string[];
  /** The order means something: each word can be moved. */
  readonly isOrdered?: boolean;
}

const moveEarlier = (words: readonly string[], at: number): string[] => {
  const [word] = words.slice(at, at + 1);
  const rest = words.filter((_, index) => index !== at);
  return word === undefined ? rest : [...rest.slice(0, at - 1), word, ...rest.slice(at - 1)];
};

/** A list of short words, each with a button that takes it out, and a field for the next. */
export function TagInput(props: TagInputProps) {
  const { name, value, hint, placeholder, suggestions = [], isOrdered = false } = props;
  const id = useId();
  const save = useSave();
  const [draft, setDraft] = useState('');
  const {
    maxItems: maxTags,
    of: { maxLength: maxTagLength },
  } = PREFERENCE_RULES[name];
  const isFull = value.length >= maxTags;

  const add = (): void => {
    const word = draft.trim();
    setDraft('');
    if (word !== '' && !value.includes(word)) save({ [name]: [...value, word] });
  };
  return (
    <Row name={name} value={[...value]} htmlFor={id} isStacked {...(hint === undefined ? {} : { hint })}>
      <div className="words">
        {value.map((word, at) => (
          <span className="word" key={word}>
            {isOrdered && at > 0 && (
              <button
                type="button"
                aria-label={`Move ${word} forward`}
                title="Move forward"
                onClick={() => save({ [name]: moveEarlier(value, at) })}
              >
                <Icon name="earlier" size={16} />
              </button>
            )}
            <span className="word-text">{word}</span>
            <button
              type="button"
              aria-label={`Remove ${word}`}
              onClick={() => save({ [name]: value.filter((other) => other !== word) })}
            >
              <Icon name="close" size={14} />
            </button>
          </span>
        ))}
        <input
          id={id}
          value={draft}
          maxLength={maxTagLength}
          disabled={isFull}
          placeholder={isFull ? `No more than ${maxTags}` : placeholder}
          list={suggestions.length > 0 ? `${id}-list` : undefined}
          autoComplete="off"
          onChange={({ target }) => setDraft(target.value)}
          onBlur={add}
          onKeyDown={(event) => {
            if (event.nativeEvent.isComposing) return;
            if (event.key === 'Enter' || event.key === ',') {
              event.preventDefault();
              add();
            } else if (event.key === 'Backspace' && draft === '' && value.length > 0) {
              save({ [name]: value.slice(0, -1) });
            }
          }}
          data-testid={`words-${name}`}
        />
        {suggestions.length > 0 && (
          <datalist id={`${id}-list`}>
            {suggestions
              .filter((word) => !value.includes(word))
              .map((word) => (
                <option key={word} value={word} />
              ))}
          </datalist>
        )}
      </div>
    </Row>
  );
}
