/** Saving changes, reporting them in a toast, and undoing them. */
import { useEffect, useMemo, useState } from 'react';
import type { AppStore, Patch } from '../store-types.ts';
import { getErrorMessage } from '../session/error-message.ts';
import { createChange, createUndoPatch, type Change } from './change.ts';
import { describeChange, describeUndo } from './describe-change.ts';
import type { ToastList } from './toasts.tsx';

export interface Changes {
  readonly save: (patch: Patch) => void;
  /** Undoes the last change, except for values that were changed since. */
  readonly undo: () => void;
  /** Whether this page has set this value, and not another tab or device. */
  readonly isLocalEdit: (key: string, value: unknown) => boolean;
  readonly error: string | undefined;
  readonly dismissError: () => void;
}

const MAX_UNDO_STEPS = 50;
const UNDO_TOAST_ID = 'undo';

/** Moves the focus to the changed control if it is on the undo button, which disappears. */
function focusChangedControl([key]: readonly string[]): void {
  if (key === undefined || document.activeElement?.closest('.toasts') === null) return;
  document.querySelector<HTMLElement>(`[data-preference="${key}"] :is(input, select)`)?.focus();
}

type ChangeRecorderOptions = Pick<ToastList, 'show' | 'dismiss'> & {
  readonly store: AppStore;
  readonly setError: (error: string | undefined) => void;
};

/** Applies changes to a store and keeps those that can be undone. Its public members are bound: React passes them on. */
class ChangeRecorder {
  readonly #options: ChangeRecorderOptions;
  /** The JSON of the value that this page set last, by preference. */
  readonly #localValues = new Map<string, string>();
  #undoStack: readonly Change[] = [];

  constructor(options: ChangeRecorderOptions) {
    this.#options = options;
  }

  readonly save = (patch: Patch): void => {
    const { store, show } = this.#options;
    const change = createChange(store.get(), patch);
    if (change.length === 0) return;
    this.#undoStack = [...this.#undoStack, change].slice(-MAX_UNDO_STEPS);
    this.#apply(patch);
    const action = { label: 'Undo', run: this.undo, keys: 'Control+Z Meta+Z' };
    show({ id: UNDO_TOAST_ID, text: describeChange(change), action });
  };

  readonly undo = (): void => {
    const { store, show, dismiss } = this.#options;
    const change = this.#undoStack.at(-1);
    if (change === undefined) return;
    this.#undoStack = this.#undoStack.slice(0, -1);
    const patch = createUndoPatch(change, store.get());
    if (patch === undefined) {
      dismiss(UNDO_TOAST_ID);
      return;
    }
    focusChangedControl(Object.keys(patch));
    this.#apply(patch);
    show({ id: UNDO_TOAST_ID, text: describeUndo(change.filter(({ key }) => Object.hasOwn(patch, key))) });
  };

  readonly isLocalEdit = (key: string, value: unknown): boolean => this.#localValues.get(key) === JSON.stringify(value);

  readonly dismissError = (): void => this.#options.setError(undefined);

  /** Dismisses the offer to undo as soon as there is nothing left to undo. Returns a function that stops this. */
  dismissStaleOffers(): () => void {
    const { store, dismiss } = this.#options;
    const unsubscribe = store.subscribe(() => {
      const change = this.#undoStack.at(-1);
      if (change !== undefined && createUndoPatch(change, store.get()) === undefined) dismiss(UNDO_TOAST_ID);
    });
    return () => {
      unsubscribe();
      // The controls that it refers to are no longer shown.
      dismiss(UNDO_TOAST_ID);
    };
  }

  #apply(patch: Patch): void {
    const { store, setError, dismiss } = this.#options;
    for (const { key, after } of createChange(store.get(), patch)) this.#localValues.set(key, JSON.stringify(after));
    store.set(patch).then(
      () => setError(undefined),
      (failure: unknown) => {
        dismiss(UNDO_TOAST_ID);
        setError(`That change could not be saved. ${getErrorMessage(failure)}`);
      },
    );
  }
}

export function useChanges(store: AppStore, { show, dismiss }: ToastList): Changes {
  const [error, setError] = useState<string>();
  const recorder = useMemo(() => new ChangeRecorder({ store, show, dismiss, setError }), [store, show, dismiss]);
  useEffect(() => recorder.dismissStaleOffers(), [recorder]);
  const { save, undo, isLocalEdit, dismissError } = recorder;
  return { save, undo, isLocalEdit, error, dismissError };
}

const isTextField = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement ||
  (target instanceof HTMLInputElement && !['checkbox', 'radio'].includes(target.type)) ||
  (target instanceof HTMLElement && target.isContentEditable);

/** Undoes on Ctrl+Z or Cmd+Z, except in a text field, where the browser does. */
export function useUndoKey(undo: () => void): void {
  useEffect(() => {
    const onKey = (event: KeyboardEvent): void => {
      const isUndo = (event.ctrlKey || event.metaKey) && !event.shiftKey && !event.altKey && event.key === 'z';
      if (!isUndo || isTextField(event.target)) return;
      event.preventDefault();
      undo();
    };
    document.addEventListener('keydown', onKey);
    return () => document.removeEventListener('keydown', onKey);
  }, [undo]);
}
