import { useId, useState, type KeyboardEvent } from 'react';
import { PREFERENCE_RULES } from '../../../couchdb-design/user-document/preference-rules.ts';
import { useSave } from '../changes/context.ts';
import { Icon } from '../components/icons.tsx';
import { Row } from './row.tsx';

export interface TagInputProps {
  readonly name: 'tableColumns' | 'selectedTags' | 'selectedContexts' | 'selectedStatus';
  readonly value: readonly string[];
  readonly hint?: string;
  readonly placeholder: string;
  /** Tags that are suggested while the user types. */
  readonly suggestions?: readonly string[];
  /** Whether the order matters: then each tag can be moved. */
  readonly isOrdered?: boolean;
}

const moveEarlier = (tags: readonly string[], index: number): string[] => {
  const [tag] = tags.slice(index, index + 1);
  const rest = tags.filter((_, other) => other !== index);
  return tag === undefined ? rest : [...rest.slice(0, index - 1), tag, ...rest.slice(index - 1)];
};

/** A list of short texts, each with a button to remove it, and a field that adds another. */
export function TagInput(props: TagInputProps) {
  const { name, value, hint, placeholder, suggestions = [], isOrdered = false } = props;
  const id = useId();
  const save = useSave();
  return (
    <Row name={name} value={[...value]} htmlFor={id} isStacked {...(hint === undefined ? {} : { hint })}>
      <div className="tags">
        {value.map((tag, index) => (
          <Tag
            key={tag}
            tag={tag}
            onMoveEarlier={isOrdered && index > 0 ? () => save({ [name]: moveEarlier(value, index) }) : undefined}
            onRemove={() => save({ [name]: value.filter((other) => other !== tag) })}
          />
        ))}
        <TagField id={id} name={name} value={value} placeholder={placeholder} suggestions={suggestions} />
      </div>
    </Row>
  );
}

interface TagProps {
  readonly tag: string;
  /** Undefined when the tag cannot be moved. */
  readonly onMoveEarlier: (() => void) | undefined;
  readonly onRemove: () => void;
}

function Tag({ tag, onMoveEarlier, onRemove }: TagProps) {
  return (
    <span className="tag-item">
      {onMoveEarlier !== undefined && (
        <button type="button" aria-label={`Move ${tag} earlier`} title="Move earlier" onClick={onMoveEarlier}>
          <Icon name="earlier" size={16} />
        </button>
      )}
      <bdi className="tag-text">{tag}</bdi>
      <button type="button" aria-label={`Remove ${tag}`} onClick={onRemove}>
        <Icon name="close" size={14} />
      </button>
    </span>
  );
}

type TagFieldProps = Pick<TagInputProps, 'name' | 'value' | 'placeholder'> & {
  readonly id: string;
  readonly suggestions: readonly string[];
};

/** Enter, a comma and leaving the field add its text. Backspace in the empty field removes the last tag. */
function TagField({ id, name, value, placeholder, suggestions }: TagFieldProps) {
  const save = useSave();
  const [draft, setDraft] = useState('');
  const {
    maxItems: maxTags,
    of: { maxLength: maxTagLength },
  } = PREFERENCE_RULES[name];
  const isFull = value.length >= maxTags;

  const addDraft = (): void => {
    const tag = draft.trim();
    setDraft('');
    if (tag !== '' && !value.includes(tag)) save({ [name]: [...value, tag] });
  };
  const onKeyDown = (event: KeyboardEvent): void => {
    if (event.nativeEvent.isComposing) return;
    if (event.key === 'Enter' || event.key === ',') {
      event.preventDefault();
      addDraft();
    } else if (event.key === 'Backspace' && draft === '' && value.length > 0) {
      save({ [name]: value.slice(0, -1) });
    }
  };
  return (
    <>
      <input
        id={id}
        value={draft}
        maxLength={maxTagLength}
        disabled={isFull}
        placeholder={isFull ? `Limit of ${maxTags} reached` : placeholder}
        list={suggestions.length > 0 ? `${id}-list` : undefined}
        autoComplete="off"
        onChange={({ target }) => setDraft(target.value)}
        onBlur={addDraft}
        onKeyDown={onKeyDown}
        data-testid={`tag-input-${name}`}
      />
      {suggestions.length > 0 && (
        <datalist id={`${id}-list`}>
          {suggestions
            .filter((tag) => !value.includes(tag))
            .map((tag) => (
              <option key={tag} value={tag} />
            ))}
        </datalist>
      )}
    </>
  );
}
