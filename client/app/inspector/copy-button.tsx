import { useState } from 'react';

/** Copies text to the clipboard and shows whether that succeeded. */
export function CopyButton({ text }: { readonly text: () => string }) {
  const [copyStatus, setCopyStatus] = useState('');
  const copy = (): void => {
    navigator.clipboard.writeText(text()).then(
      () => setCopyStatus('Copied'),
      () => setCopyStatus('The browser blocked copying'),
    );
  };
  return (
    <span className="copy">
      <button type="button" className="ghost" onClick={copy} data-testid="copy-snapshot">
        Copy all
      </button>
      <span role="status" className="row-hint">
        {copyStatus}
      </span>
    </span>
  );
}
