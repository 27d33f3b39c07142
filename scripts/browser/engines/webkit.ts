/**
 * WebKitGTK's MiniBrowser, by the remote inspector. WebKitWebDriver cannot be used: the browsers that it starts keep nothing
 * on disk, so that every window is a private one, and it reports no console messages.
 */
import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import getPort from 'get-port';
import { eventually } from '../testing/harness.ts';
import type { Engine, RunningBrowser, StartBrowserOptions, Tab } from './engine.ts';
import { Inspector, listTabs } from './inspector.ts';
import { killGroup, spawnGroup } from './process-group.ts';
import { startVirtualDisplay } from './virtual-display.ts';

const LIBRARY_FOLDERS = ['x86_64-linux-gnu', 'aarch64-linux-gnu'];

const PATHS = [
  process.env['MINIBROWSER'],
  ...LIBRARY_FOLDERS.map((folder) => `/usr/lib/${folder}/webkit2gtk-4.1/MiniBrowser`),
];

export const webkit: Engine = {
  name: 'webkit',
  debianPackages: 'libwebkit2gtk-4.1-0, xvfb',
  find: () => (existsSync('/usr/bin/Xvfb') ? PATHS.find((path) => path !== undefined && existsSync(path)) : undefined),
  start: startMiniBrowser,
};

async function startMiniBrowser({ executablePath, profile, isPrivate }: StartBrowserOptions): Promise<RunningBrowser> {
  const display = await startVirtualDisplay();
  const address = `127.0.0.1:${await getPort()}`;
  const args = isPrivate === true ? ['--private'] : [`--cookies-file=${join(profile, 'cookies.sqlite')}`];
  const browser = spawnGroup(executablePath, [...args, 'about:blank'], {
    ...process.env,
    DISPLAY: display.name,
    WEBKIT_INSPECTOR_HTTP_SERVER: address,
    // The profile consists of these folders.
    XDG_DATA_HOME: join(profile, 'data'),
    XDG_CACHE_HOME: join(profile, 'cache'),
    XDG_CONFIG_HOME: join(profile, 'config'),
    // Neither the desktop's session bus nor a graphics card is needed.
    DBUS_SESSION_BUS_ADDRESS: 'disabled:',
    GSETTINGS_BACKEND: 'memory',
    LIBGL_ALWAYS_SOFTWARE: '1',
  });
  const kill = async (): Promise<void> => {
    await killGroup(browser);
    await display.close();
  };
  try {
    const [firstTab = ''] = await waitForNewTabs(address, []);
    // Every tab is opened by this one, which stays open.
    const opener = await Inspector.connect(`ws://${address}${firstTab}`, () => undefined);
    return {
      version: readVersion(executablePath, display.name),
      openTab: (url) => openTab(address, opener, url),
      kill,
    };
  } catch (error) {
    await kill();
    throw error;
  }
}

/** Returns e.g. `WebKitGTK 2.50.6`. */
function readVersion(executablePath: string, display: string): string {
  const env = { ...process.env, DISPLAY: display };
  const { stdout } = spawnSync(executablePath, ['--version'], { encoding: 'utf8', env });
  return /WebKitGTK [\d.]+/.exec(stdout)?.[0] ?? 'WebKitGTK';
}

/** Waits until there are tabs that are not in `known`, and returns them. */
async function waitForNewTabs(address: string, known: readonly string[]): Promise<readonly string[]> {
  let added: readonly string[] = [];
  await eventually(
    async () => {
      const tabs = await listTabs(address).catch(() => []);
      added = tabs.filter((path) => !known.includes(path));
      return added.length > 0;
    },
    () => 'MiniBrowser opened no tab.',
  );
  return added;
}

async function openTab(address: string, opener: Inspector, url: string): Promise<Tab> {
  const known = await listTabs(address);
  // With `noopener` the tab has a separate process, as a tab that a user opens.
  await evaluate(opener, `void open(${JSON.stringify(url)}, '_blank', 'noopener')`);
  const [path = ''] = await waitForNewTabs(address, known);
  const errors: string[] = [];
  const inspector = await Inspector.connect(`ws://${address}${path}`, (method, params) => {
    if (method === 'Console.messageAdded') recordError(params['message'] as ConsoleMessage, errors);
  });
  return {
    evaluate: (expression) => evaluate(inspector, expression),
    reload: async () => {
      await inspector.call('Page.reload');
    },
    close: async () => {
      await evaluate(inspector, 'close()').catch(() => undefined);
      await eventually(
        async () => !(await listTabs(address)).includes(path),
        () => 'MiniBrowser did not close the tab.',
      );
      inspector.close();
    },
    screenshot: async () => {
      const { width, height } = (await evaluate(inspector, '({ width: innerWidth, height: innerHeight })')) as Size;
      const area = { x: 0, y: 0, width, height, coordinateSystem: 'Viewport' };
      const { dataURL } = (await inspector.call('Page.snapshotRect', area)) as { dataURL: string };
      return Buffer.from(dataURL.slice(dataURL.indexOf(',') + 1), 'base64');
    },
    errors,
  };
}

interface Size {
  readonly width: number;
  readonly height: number;
}

interface ConsoleMessage {
  readonly level: string;
  readonly text: string;
  readonly url?: string;
}

function recordError({ level, text, url = '' }: ConsoleMessage, errors: string[]): void {
  if (level === 'error') errors.push(`${text} (${url})`);
}

interface RemoteObject {
  readonly objectId?: string;
  readonly value?: unknown;
}

/** Evaluates an expression as if the user had caused it. If it is a promise, resolves with the promise's result. */
async function evaluate(inspector: Inspector, expression: string): Promise<unknown> {
  // The promise never rejects, as the console would report that.
  const toOutcome = `then((value) => JSON.stringify({ value }), (error) => JSON.stringify({ error: String(error) }))`;
  const promise = await inspector.call('Runtime.evaluate', {
    expression: `(async () => ${expression})().${toOutcome}`,
    emulateUserGesture: true,
  });
  const { objectId } = promise['result'] as RemoteObject;
  const settled = await inspector.call('Runtime.awaitPromise', { promiseObjectId: objectId, returnByValue: true });
  const { value } = settled['result'] as RemoteObject;
  const outcome = JSON.parse(String(value)) as { readonly value?: unknown; readonly error?: string };
  if (outcome.error !== undefined) throw new Error(outcome.error);
  return outcome.value;
}
