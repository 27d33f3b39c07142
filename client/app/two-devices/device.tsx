import { useId, useSyncExternalStore } from 'react';
import { usePreferences } from '../../react.ts';
import type { AppStore } from '../store-types.ts';
import { SaveProvider } from '../changes/context.ts';
import { Toasts, useToasts } from '../changes/toasts.tsx';
import { useChanges } from '../changes/use-changes.ts';
import { useSaveContextValue } from '../changes/use-save-context-value.ts';
import { useSuperseded } from '../changes/use-superseded.ts';
import { Choice } from '../controls/choice.tsx';
import { THEMES, VIEWS } from '../controls/options.ts';
import { Switch } from '../controls/switch.tsx';
import { TagInput } from '../controls/tag-input.tsx';
import { Inspector } from '../inspector/inspector.tsx';
import { Icon } from '../components/icons.tsx';
import { ErrorNotice, RefusedNotice } from '../components/notices.tsx';
import { StatusPill } from '../components/status-pill.tsx';
import { useStoreReady } from '../hooks/use-store-ready.ts';
import { Preview } from '../preview/preview.tsx';
import type { DemoDevice } from './demo-devices.ts';

export interface DeviceProps {
  readonly device: DemoDevice;
  readonly store: AppStore;
}

/** One device: its network switch, its status, some of its preferences, and a preview. */
export function Device({ device, store }: DeviceProps) {
  const preferences = usePreferences(store);
  const isReady = useStoreReady(store) === true;
  const toasts = useToasts();
  const changes = useChanges(store, toasts);
  const saveContext = useSaveContextValue(store, changes);
  const id = useId();
  useSuperseded(store, toasts);

  return (
    <section
      className="device-frame card"
      aria-labelledby={id}
      data-theme={isReady ? preferences.theme : 'system'}
      data-testid={`device-${device.name.toLowerCase()}`}
      data-ready={isReady}
    >
      <header className="device-head">
        <Icon name={device.icon} size={24} />
        <h2 id={id}>{device.name}</h2>
        <StatusPill store={store} testId={`status-${device.name.toLowerCase()}`} isLinked={false} />
        <NetworkSwitch device={device} />
      </header>
      <ErrorNotice error={changes.error} onDismiss={changes.dismissError} />
      <RefusedNotice store={store} />
      {isReady && (
        <SaveProvider value={saveContext}>
          <Choice name="theme" value={preferences.theme} options={THEMES} />
          <Choice name="viewMode" value={preferences.viewMode} options={VIEWS} />
          <Switch name="activitySidebarOpen" value={preferences.activitySidebarOpen} />
          <Switch name="dailyBriefing" value={preferences.dailyBriefing} />
          <TagInput name="selectedTags" value={preferences.selectedTags} placeholder="Add a tag" />
          <Preview preferences={preferences} label={`Preview on the ${device.name.toLowerCase()}`} />
        </SaveProvider>
      )}
      <Toasts list={toasts} isInline />
      <details className="device-inspector">
        <summary>Inspector</summary>
        <Inspector store={store} headingLevel="h3" />
      </details>
    </section>
  );
}

function NetworkSwitch({ device: { name, network } }: { readonly device: DemoDevice }) {
  const isOffline = useSyncExternalStore(network.subscribe, network.isOffline);
  return (
    <label className="network-switch">
      <span>{isOffline ? 'Offline' : 'Online'}</span>
      <input
        className="switch"
        type="checkbox"
        role="switch"
        aria-label={`${name} is online`}
        checked={!isOffline}
        onChange={({ target }) => network.setOffline(!target.checked)}
        data-testid={`network-switch-${name.toLowerCase()}`}
      />
    </label>
  );
}
