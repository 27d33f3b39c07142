import { useEffect, useState } from 'react';
import type { PreferencesStore } from '../index.ts';
import { usePreferences, useSyncStatus } from '../react.ts';
import { Brand } from './brand.tsx';
import { Notices } from './notices.tsx';
import { Devices } from './sections/devices.tsx';
import { PreferenceSections } from './sections/preference-sections.tsx';
import type { Remembered } from './session/remembered.ts';
import type { AppSession } from './session/session.ts';
import { SignOutButton } from './sign-out-button.tsx';
import { StatusPill } from './status-pill.tsx';
import { SaveProvider, useSaver } from './use-save.ts';
import { useTheme } from './use-theme.ts';

const GROUPS = [
  ['appearance', 'Appearance'],
  ['views', 'Views'],
  ['daily', 'Daily messages'],
  ['filters', 'Filters'],
  ['devices', 'Devices'],
] as const;

/** Whether the browser has read what is stored: before, what would be shown are defaults that may be wrong. */
function useIsRead(store: PreferencesStore): boolean | 'failed' {
  const [isRead, setRead] = useState<boolean | 'failed'>(false);
  useEffect(() => {
    store.ready.then(
      () => setRead(true),
      () => setRead('failed'),
    );
  }, [store]);
  return isRead;
}

export interface PreferencesPageProps {
  readonly session: AppSession;
  readonly store: PreferencesStore;
  readonly remembered: Remembered;
}

export function PreferencesPage({ session, store, remembered }: PreferencesPageProps) {
  const preferences = usePreferences(store);
  const { state } = useSyncStatus(store);
  const isRead = useIsRead(store);
  const { save, error, dismiss } = useSaver(store);
  useTheme(preferences.theme, isRead === true, remembered);

  return (
    <SaveProvider value={save}>
      <header className="top">
        <Brand />
        <StatusPill store={store} />
        <span className="who">
          <span className="avatar" aria-hidden="true">
            {store.username.slice(0, 1).toUpperCase()}
          </span>
          <span className="name" data-testid="who">
            {store.username}
          </span>
          <SignOutButton session={session} store={store} />
        </span>
      </header>
      <div className="page">
        <nav aria-label="Groups of preferences">
          {GROUPS.map(([id, label]) => (
            <a key={id} href={`#${id}`}>
              {label}
            </a>
          ))}
        </nav>
        <main data-testid="preferences" data-read={isRead}>
          <div className="title">
            <h1>Preferences</h1>
            <p className="lead">Saved in this browser as you go, and on your other devices a moment later.</p>
          </div>
          <Notices session={session} store={store} error={error} onDismiss={dismiss} />
          {isRead === 'failed' && (
            <p className="notice" role="alert">
              This browser gives the page no storage, so nothing can be kept here. A private window may be the reason.
            </p>
          )}
          {isRead === true && (
            <>
              <PreferenceSections preferences={preferences} />
              <Devices session={session} isConnected={state !== 'offline' && state !== 'sign-in-needed'} />
            </>
          )}
        </main>
      </div>
    </SaveProvider>
  );
}
