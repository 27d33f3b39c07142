import type { ReactNode } from 'react';
import { DEFAULT_PREFERENCES } from '../../../couchdb-design/user-document.ts';
import type { ShownPreferences } from '../../index.ts';
import { LABELS } from '../labels.ts';
import { useSave } from '../use-save.ts';

export interface RowProps<K extends keyof ShownPreferences> {
  readonly name: K;
  readonly value: ShownPreferences[K];
  readonly hint?: string;
  /** The id of the control, when the row's label is its label. */
  readonly htmlFor?: string;
  readonly isStacked?: boolean;
  readonly children: ReactNode;
}

/** One preference: what it is called, what it does, its control, and the way back to the default. */
export function Row<K extends keyof ShownPreferences>(props: RowProps<K>) {
  const { name, value, hint, htmlFor, isStacked = false, children } = props;
  const save = useSave();
  const isDefault = JSON.stringify(value) === JSON.stringify(DEFAULT_PREFERENCES[name]);
  const label = LABELS[name];
  return (
    <div className={isStacked ? 'row stacked' : 'row'} data-testid={`pref-${name}`} data-value={JSON.stringify(value)}>
      <div className="row-text">
        {htmlFor === undefined ? (
          <span className="row-label" id={`${name}-label`}>
            {label}
          </span>
        ) : (
          <label className="row-label" id={`${name}-label`} htmlFor={htmlFor}>
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
          title="Back to the default"
        >
          Reset
        </button>
        {children}
      </div>
    </div>
  );
}
