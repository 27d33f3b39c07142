import { createContext, useContext } from 'react';
import type { Changes } from './use-changes.ts';

/** What the controls of one store need: to save, and to know which changes came from elsewhere. */
export type SaveContextValue = Pick<Changes, 'save' | 'isLocalEdit'> & {
  /** Whether what comes now is a change somebody makes, and not what this browser had missed while it was closed. */
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
