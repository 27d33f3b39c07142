import { useEffect, useId, useRef, useState, type ReactNode } from 'react';
import { DEFAULT_PREFERENCES } from '../../../couchdb-design/user-document/default-preferences.ts';
import type { PreferenceValues } from '../store-types.ts';
import { useSaveContext } from '../changes/context.ts';
import { LABELS } from '../labels.ts';

export interface RowProps<K extends keyof PreferenceValues> {
  readonly name: K;
  readonly value: PreferenceValues[K];
  readonly hint?: string;
  /** The id of the control that the row's label belongs to. */
  readonly htmlFor?: string;
  readonly isStacked?: boolean;
  /** A function gets the id of the row's label, for a control that is a group. */
  readonly children: ReactNode | ((labelId: string) => ReactNode);
}

/** Returns true after another tab or device has changed the value, and a function that resets it. */
function useRemoteChangeHighlight(name: string, value: unknown): readonly [boolean, () => void] {
  const { isLocalEdit, hasCaughtUp } = useSaveContext();
  const [isHighlighted, setHighlighted] = useState(false);
  const text = JSON.stringify(value);
  const last = useRef(text);
  useEffect(() => {
    if (last.current === text) return;
    last.current = text;
    setHighlighted(hasCaughtUp() && !isLocalEdit(name, value));
  }, [text]);
  return [isHighlighted, () => setHighlighted(false)];
}

/** One preference: its label, a hint, its control, and a button that resets it to the default. */
export function Row<K extends keyof PreferenceValues>(props: RowProps<K>) {
  const { name, value, hint, htmlFor, isStacked = false, children } = props;
  const { save } = useSaveContext();
  const [isHighlighted, clearHighlight] = useRemoteChangeHighlight(name, value);
  const labelId = useId();
  const isDefault = JSON.stringify(value) === JSON.stringify(DEFAULT_PREFERENCES[name]);
  const label = LABELS[name];
  const className = ['row', isStacked ? 'stacked' : '', isHighlighted ? 'highlighted' : ''].filter(Boolean).join(' ');
  return (
    <div
      className={className}
      onAnimationEnd={clearHighlight}
      data-preference={name}
      data-testid={`pref-${name}`}
      data-value={JSON.stringify(value)}
    >
      <div className="row-text">
        {htmlFor === undefined ? (
          <span className="row-label" id={labelId}>
            {label}
          </span>
        ) : (
          <label className="row-label" id={labelId} htmlFor={htmlFor}>
            {label}
          </label>
        )}
        {hint !== undefined && <span className="row-hint">{hint}</span>}
      </div>
      <div className="row-control">
        <button
          type="button"
          className="reset"
          hidden={isDefault}
          onClick={() => save({ [name]: null })}
          aria-label={`Reset ${label}`}
          title="Reset to default"
        >
          Reset
        </button>
        {typeof children === 'function' ? children(labelId) : children}
      </div>
    </div>
  );
}
