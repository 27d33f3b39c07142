import { createContext, useContext } from 'react';
import type { Changes } from './use-changes.ts';

/** What the controls of one store need: to save, and to know which changes came from elsewhere. */
export type Saving = Pick<Changes, 'save' | 'isOwn'> & {
  /** Whether what comes now is a change somebody makes, and not what this browser had missed while it was closed. */
  readonly isSettled: () => boolean;
};

const SavingContext = createContext<Saving>({ save: () => undefined, isOwn: () => true, isSettled: () => false });
export const SavingProvider = SavingContext.Provider;
export const useSaving = (): Saving => useContext(SavingContext);
export const useSave = (): Changes['save'] => useSaving().save;
