import { usePreferences } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { SaveProvider } from '../changes/context.ts';
import type { ToastList } from '../changes/toasts.tsx';
import { useChanges, useUndoKey } from '../changes/use-changes.ts';
import { useSaveContextValue } from '../changes/use-save-context-value.ts';
import { ErrorNotice } from '../components/notices.tsx';
import { Preview } from '../preview/preview.tsx';
import { PageTitle } from '../routing.tsx';
import { GROUPS, PreferenceSections } from '../sections/preference-sections.tsx';

export interface PreferencesPageProps {
  readonly store: AppStore;
  readonly isReady: boolean | 'failed';
  readonly toasts: ToastList;
}

export function PreferencesPage({ store, isReady, toasts }: PreferencesPageProps) {
  const preferences = usePreferences(store);
  const changes = useChanges(store, toasts);
  useUndoKey(changes.undo);
  const saveContext = useSaveContextValue(store, changes);

  return (
    <SaveProvider value={saveContext}>
      <div className="page with-preview">
        <nav className="group-nav" aria-label="Preference groups">
          {GROUPS.map(([id, label]) => (
            <a key={id} href={`#${id}`}>
              {label}
            </a>
          ))}
        </nav>
        <PageTitle
          title="Preferences"
          lead="Changes are saved as you make them and appear on your other devices a moment later."
        />
        {isReady === true && (
          <div className="beside">
            <Preview preferences={preferences} />
          </div>
        )}
        <div className="column" data-testid="preferences" data-ready={isReady}>
          <ErrorNotice error={changes.error} onDismiss={changes.dismissError} />
          {isReady === 'failed' && (
            <p className="notice" role="alert">
              This page could not open its database, so it cannot show your preferences. Reload the page.
            </p>
          )}
          {isReady === true && <PreferenceSections preferences={preferences} />}
        </div>
      </div>
    </SaveProvider>
  );
}
