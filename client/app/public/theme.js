/* global document, localStorage */
// The theme as it was last shown (see use-theme.ts), put on the page before the page's own script has been read.
try {
  const theme = localStorage.getItem('pouchgate:theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // Storage is forbidden by the browser's settings: the system's theme is shown until the preferences are read.
}
