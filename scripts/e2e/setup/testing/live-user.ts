import type { PreferencesStore } from '../../../../client/index.ts';
import { createDeviceFactory, recordStates, waitForPreferences, waitForState } from '../../testing/device.ts';
import type { Deployment } from './deployment.ts';

/** A user who has signed in on two devices with the client library. */
export interface LiveUser {
  /** Requests new tokens, as every page does within 15 minutes. */
  refresh(): Promise<void>;
  /** Edits on one device, and resolves once the other has the edit. */
  expectDelivery(text: string): Promise<void>;
  /** The states that the devices have had. */
  readonly states: readonly string[];
  readonly store: PreferencesStore;
  close(): Promise<void>;
}

const PASSWORD = 'correct-horse-battery-staple';

/** Registers an account, and opens both devices. */
export async function signUp({ url }: Deployment, registry: string, username: string): Promise<LiveUser> {
  let token = '';
  let cookie = '';
  const post = async (path: string, body: object): Promise<void> => {
    const response = await fetch(`${url}/api/auth/${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'sec-fetch-site': 'same-origin', cookie },
      body: JSON.stringify(body),
    });
    if (!response.ok) throw new Error(`${path}: status ${response.status}`);
    [cookie = ''] = (response.headers.get('set-cookie') ?? '').split(';');
    ({ accessToken: token } = (await response.json()) as { accessToken: string });
  };
  await post('register', { username, password: PASSWORD });
  const devices = createDeviceFactory(() => ({ registryUrl: `${url}/sync/${registry}`, token: () => token }));
  const [writer, reader] = [devices.open(username).store, devices.open(username).store];
  await Promise.all([waitForState(writer, 'live'), waitForState(reader, 'live')]);
  const recorded = [recordStates(writer), recordStates(reader)];
  return {
    store: writer,
    refresh: () => post('refresh', {}),
    expectDelivery: async (text) => {
      await writer.set({ selectedTags: [text] });
      await waitForPreferences(reader, { selectedTags: [text] });
    },
    get states() {
      return recorded.flat();
    },
    close: () => devices.close(),
  };
}
