/** Saving a change, telling of it, and taking it back. */
import { useEffect, useMemo, useRef, useState } from 'react';
import type { AppStore, Patch } from '../store-types.ts';
import { sentenceOf } from '../session/error-message.ts';
import { changeOf, undoOf, type Change } from './change.ts';
import type { ToastList } from './toasts.tsx';
import { changeText, undoneText } from './describe-change.ts';

export interface Changes {
  readonly save: (patch: Patch) => void;
  readonly undo: () => void;
  /** Whether this value was put here by this page, and not by another tab or device. */
  readonly isOwn: (key: string, value: unknown) => boolean;
  readonly error: string | undefined;
  readonly dismissError: () => void;
}

/** So many steps back; nobody remembers more. */
const MOST = 50;
const UNDO = 'undo';

/** The button that was pressed goes away: whoever was on it is taken to what has changed. */
function returnFocus([key]: readonly string[]): void {
  if (key === undefined || document.activeElement?.closest('.toasts') === null) return;
  document.querySelector<HTMLElement>(`[data-preference="${key}"] :is(input, select)`)?.focus();
}

export function useChanges(store: AppStore, { show, dismiss }: ToastList): Changes {
  const [error, setError] = useState<string>();
  const past = useRef<readonly Change[]>([]);

  const actions = useMemo(() => {
    const own = new Map<string, string>();
    const write = (patch: Patch): void => {
      const shownBefore = store.get();
      for (const { key, after } of changeOf(shownBefore, patch)) own.set(key, JSON.stringify(after));
      store.set(patch).then(
        () => setError(undefined),
        (failure: unknown) => {
          dismiss(UNDO);
          setError(`That change could not be saved. ${sentenceOf(failure)}`);
        },
      );
    };
    const undo = (): void => {
      const change = past.current.at(-1);
      if (change === undefined) return;
      past.current = past.current.slice(0, -1);
      const patch = undoOf(change, store.get());
      if (patch === undefined) {
        dismiss(UNDO);
        return;
      }
      returnFocus(Object.keys(patch));
      write(patch);
      show({ id: UNDO, text: undoneText(change.filter(({ key }) => Object.hasOwn(patch, key))) });
    };
    return {
      undo,
      isOwn: (key: string, value: unknown) => own.get(key) === JSON.stringify(value),
      save: (patch: Patch) => {
        const change = changeOf(store.get(), patch);
        if (change.length === 0) return;
        past.current = [...past.current, change].slice(-MOST);
        write(patch);
        show({ id: UNDO, text: changeText(change), action: { label: 'Undo', run: undo, keys: 'Control+Z Meta+Z' } });
      },
      dismissError: () => setError(undefined),
    };
  }, [store, show, dismiss]);

  // An undo that would find nothing to take back is not offered any longer, nor one whose controls are out of sight.
  useEffect(() => {
    const end = store.subscribe(() => {
      const change = past.current.at(-1);
      if (change !== undefined && undoOf(change, store.get()) === undefined) dismiss(UNDO);
    });
    return () => {
      end();
      dismiss(UNDO);
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
