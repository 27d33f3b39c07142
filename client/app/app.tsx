import { useSyncExternalStore } from 'react';
import { usePreferences } from '../react.ts';
import type { AppStore } from './store-types.ts';
import { useToasts } from './changes/toasts.tsx';
import { DevicesPage } from './pages/devices-page.tsx';
import { InspectorPage } from './pages/inspector-page.tsx';
import { PreferencesPage } from './pages/preferences-page.tsx';
import { SignInPage } from './pages/sign-in-page.tsx';
import { TwoDevicesPage } from './pages/two-devices-page.tsx';
import { useStoreReady } from './hooks/use-store-ready.ts';
import { useRoute } from './routing.tsx';
import type { AppStorage } from './session/local-storage.ts';
import type { AppSession } from './session/session.ts';
import { Shell } from './shell.tsx';
import type { DevicePair } from './two-devices/demo-devices.ts';
import type { Updates } from './updates.ts';
import { useTheme } from './hooks/use-theme.ts';

export interface AppProps {
  readonly session: AppSession;
  readonly appStorage: AppStorage;
  readonly updates: Updates;
  readonly pair: DevicePair;
}

export function App(props: AppProps) {
  const state = useSyncExternalStore(props.session.subscribe, props.session.state);
  switch (state.kind) {
    case 'signed-out':
      return <SignInPage session={props.session} updates={props.updates} />;
    case 'signed-in':
      // The key discards all component state when the user changes, e.g. text in a field.
      return <SignedIn key={state.username} store={state.store} {...props} />;
  }
}

function SignedIn({ session, appStorage, updates, pair, store }: AppProps & { readonly store: AppStore }) {
  const { name } = useRoute();
  const { theme } = usePreferences(store);
  const isReady = useStoreReady(store);
  const toasts = useToasts();
  useTheme(theme, isReady === true, appStorage);

  const page = (): React.JSX.Element => {
    switch (name) {
      case 'preferences':
        return <PreferencesPage store={store} isReady={isReady} toasts={toasts} />;
      case 'devices':
        return <DevicesPage session={session} store={store} />;
      case 'inspector':
        return <InspectorPage store={store} />;
      case 'two-devices':
        return <TwoDevicesPage session={session} pair={pair} />;
    }
  };
  return (
    <Shell session={session} store={store} updates={updates} toasts={toasts} hasStatus={name !== 'two-devices'}>
      {page()}
    </Shell>
  );
}
