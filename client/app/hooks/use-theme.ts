import { useEffect } from 'react';
import type { ShownPreferences } from '../../index.ts';
import type { Remembered } from '../session/local-storage.ts';

/** Puts the theme on the page as soon as it is known, and remembers it for the next load (public/theme.js). */
export function useTheme(theme: ShownPreferences['theme'], isRead: boolean, remembered: Remembered): void {
  useEffect(() => {
    if (!isRead) return;
    document.documentElement.dataset['theme'] = theme;
    remembered.setTheme(theme);
  }, [theme, isRead, remembered]);
  useEffect(
    () => () => {
      delete document.documentElement.dataset['theme'];
    },
    [],
  );
}
