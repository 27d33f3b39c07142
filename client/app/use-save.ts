import { createContext, useContext, useMemo, useState } from 'react';
import type { PreferencesPatch } from '../../couchdb-design/user-document.ts';
import type { PreferencesStore } from '../index.ts';
import { sentenceOf } from './session/sentence.ts';

/** Saves a change; a failure is shown on top of the page. */
export type Save = (patch: PreferencesPatch) => void;

export function useSaver(store: PreferencesStore): {
  readonly save: Save;
  readonly error: string | undefined;
  readonly dismiss: () => void;
} {
  const [error, setError] = useState<string>();
  return useMemo(
    () => ({
      error,
      dismiss: () => setError(undefined),
      save: (patch) => {
        store.set(patch).then(
          () => setError(undefined),
          (failure: unknown) => setError(`That change could not be saved. ${sentenceOf(failure)}`),
        );
      },
    }),
    [store, error],
  );
}

const SaveContext = createContext<Save>(() => undefined);
export const SaveProvider = SaveContext.Provider;
export const useSave = (): Save => useContext(SaveContext);
