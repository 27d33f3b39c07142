/* global document, localStorage */
// Applies the last theme (see use-theme.ts) before the page's script has loaded.
try {
  const theme = localStorage.getItem('pouchgate:theme');
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset.theme = theme;
} catch {
  // The browser's settings forbid storage. The system's theme is shown until the preferences are read.
}
