import { createContext, useContext } from 'react';
import type { Changes } from './use-changes.ts';

/** What the controls of a store need in order to save, and to recognize changes from other tabs and devices. */
export type SaveContextValue = Pick<Changes, 'save' | 'isLocalEdit'> & {
  /** Whether changes are made now. False while the browser receives those that it missed while it was closed. */
  readonly hasCaughtUp: () => boolean;
};

const SaveContext = createContext<SaveContextValue>({
  save: () => undefined,
  isLocalEdit: () => true,
  hasCaughtUp: () => false,
});
export const SaveProvider = SaveContext.Provider;
export const useSaveContext = (): SaveContextValue => useContext(SaveContext);
export const useSave = (): Changes['save'] => useSaveContext().save;
