import { useEffect } from 'react';
import type { ShownPreferences } from '../../index.ts';
import type { AppStorage } from '../session/local-storage.ts';

/** Applies the theme to the document once `isReady`, and stores it for the next load (public/theme.js). */
export function useTheme(theme: ShownPreferences['theme'], isReady: boolean, appStorage: AppStorage): void {
  useEffect(() => {
    if (!isReady) return;
    document.documentElement.dataset['theme'] = theme;
    appStorage.setTheme(theme);
  }, [theme, isReady, appStorage]);
  useEffect(
    () => () => {
      delete document.documentElement.dataset['theme'];
    },
    [],
  );
}
