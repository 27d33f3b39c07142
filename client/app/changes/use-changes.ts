/** Saving a change, telling of it, and taking it back. */
import { useEffect, useMemo, useRef, useState } from 'react';
import type { AppStore, Patch } from '../store-types.ts';
import { getErrorMessage } from '../session/error-message.ts';
import { createChange, createUndoPatch, type Change } from './change.ts';
import type { ToastList } from './toasts.tsx';
import { describeChange, describeUndo } from './describe-change.ts';

export interface Changes {
  readonly save: (patch: Patch) => void;
  readonly undo: () => void;
  /** Whether this value was put here by this page, and not by another tab or device. */
  readonly isLocalEdit: (key: string, value: unknown) => boolean;
  readonly error: string | undefined;
  readonly dismissError: () => void;
}

/** So many steps back; nobody remembers more. */
const MAX_UNDO_STEPS = 50;
const UNDO_TOAST_ID = 'undo';

/** The button that was pressed goes away: whoever was on it is taken to what has changed. */
function focusChangedControl([key]: readonly string[]): void {
  if (key === undefined || document.activeElement?.closest('.toasts') === null) return;
  document.querySelector<HTMLElement>(`[data-preference="${key}"] :is(input, select)`)?.focus();
}

export function useChanges(store: AppStore, { show, dismiss }: ToastList): Changes {
  const [error, setError] = useState<string>();
  const undoStack = useRef<readonly Change[]>([]);

  const actions = useMemo(() => {
    const localValues = new Map<string, string>();
    const applyPatch = (patch: Patch): void => {
      const shownBefore = store.get();
      for (const { key, after } of createChange(shownBefore, patch)) localValues.set(key, JSON.stringify(after));
      store.set(patch).then(
        () => setError(undefined),
        (failure: unknown) => {
          dismiss(UNDO_TOAST_ID);
          setError(`That change could not be saved. ${getErrorMessage(failure)}`);
        },
      );
    };
    const undo = (): void => {
      const change = undoStack.current.at(-1);
      if (change === undefined) return;
      undoStack.current = undoStack.current.slice(0, -1);
      const patch = createUndoPatch(change, store.get());
      if (patch === undefined) {
        dismiss(UNDO_TOAST_ID);
        return;
      }
      focusChangedControl(Object.keys(patch));
      applyPatch(patch);
      show({ id: UNDO_TOAST_ID, text: describeUndo(change.filter(({ key }) => Object.hasOwn(patch, key))) });
    };
    return {
      undo,
      isLocalEdit: (key: string, value: unknown) => localValues.get(key) === JSON.stringify(value),
      save: (patch: Patch) => {
        const change = createChange(store.get(), patch);
        if (change.length === 0) return;
        undoStack.current = [...undoStack.current, change].slice(-MAX_UNDO_STEPS);
        applyPatch(patch);
        show({
          id: UNDO_TOAST_ID,
          text: describeChange(change),
          action: { label: 'Undo', run: undo, keys: 'Control+Z Meta+Z' },
        });
      },
      dismissError: () => setError(undefined),
    };
  }, [store, show, dismiss]);

  // An undo that would find nothing to take back is not offered any longer, nor one whose controls are out of sight.
  useEffect(() => {
    const unsubscribe = store.subscribe(() => {
      const change = undoStack.current.at(-1);
      if (change !== undefined && createUndoPatch(change, store.get()) === undefined) dismiss(UNDO_TOAST_ID);
    });
    return () => {
      unsubscribe();
      dismiss(UNDO_TOAST_ID);
    };
  }, [store, dismiss]);
  return { ...actions, error };
}

const isTextField = (target: EventTarget | null): boolean =>
  target instanceof HTMLTextAreaElement ||
  (target instanceof HTMLInputElement && !['checkbox', 'radio'].includes(target.type)) ||
  (target instanceof HTMLElement && target.isContentEditable);

/** Ctrl+Z or Cmd+Z, but in a text field, where it is the browser's. */
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
