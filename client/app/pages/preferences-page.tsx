import { usePreferences } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { SavingProvider } from '../changes/context.ts';
import type { ToastList } from '../changes/toasts.tsx';
import { useChanges, useUndoKey } from '../changes/use-changes.ts';
import { useSavingOf } from '../changes/use-save-context.ts';
import { ErrorNotice } from '../components/notices.tsx';
import { Preview } from '../preview/preview.tsx';
import { PageTitle } from '../routing.tsx';
import { GROUPS, PreferenceSections } from '../sections/preference-sections.tsx';

export interface PreferencesPageProps {
  readonly store: AppStore;
  readonly isRead: boolean | 'failed';
  readonly toasts: ToastList;
}

export function PreferencesPage({ store, isRead, toasts }: PreferencesPageProps) {
  const preferences = usePreferences(store);
  const changes = useChanges(store, toasts);
  useUndoKey(changes.undo);
  const saving = useSavingOf(store, changes);

  return (
    <SavingProvider value={saving}>
      <div className="page with-preview">
        <nav className="group-nav" aria-label="Groups of preferences">
          {GROUPS.map(([id, label]) => (
            <a key={id} href={`#${id}`}>
              {label}
            </a>
          ))}
        </nav>
        <PageTitle
          title="Preferences"
          lead="Saved in this browser as you go, and on your other devices a moment later."
        />
        {isRead === true && (
          <div className="beside">
            <Preview preferences={preferences} />
          </div>
        )}
        <div className="column" data-testid="preferences" data-read={isRead}>
          <ErrorNotice error={changes.error} onDismiss={changes.dismissError} />
          {isRead === 'failed' && (
            <p className="notice" role="alert">
              This browser gives the page no storage, so nothing can be kept here. A private window may be the reason.
            </p>
          )}
          {isRead === true && <PreferenceSections preferences={preferences} />}
        </div>
      </div>
    </SavingProvider>
  );
}
