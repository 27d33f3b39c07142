import { useSyncExternalStore } from 'react';
import { PreferencesPage } from './preferences-page.tsx';
import type { Remembered } from './session/remembered.ts';
import type { AppSession } from './session/session.ts';
import { SignInPage } from './sign-in-page.tsx';

export interface AppProps {
  readonly session: AppSession;
  readonly remembered: Remembered;
}

export function App({ session, remembered }: AppProps) {
  const state = useSyncExternalStore(session.subscribe, session.state);
  switch (state.kind) {
    case 'signed-out':
      return <SignInPage session={session} />;
    case 'signed-in':
      // Another user is another page: nothing of the one before may stay in a field.
      return <PreferencesPage key={state.username} session={session} store={state.store} remembered={remembered} />;
  }
}
