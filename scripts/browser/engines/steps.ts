/** The steps that run in every browser, in this order. Each one starts where the previous one ended. */
import type { TestServer } from '../../e2e/testing/test-server.ts';
import { expect, PASSWORD } from '../testing/harness.ts';
import type { RunningBrowser, Tab } from './engine.ts';
import {
  byTestId,
  click,
  databaseNames,
  fill,
  preference,
  recordAppearance,
  reloadUntil,
  status,
  waitFor,
} from './tab-actions.ts';

/** What the steps share. */
export interface Session {
  readonly server: TestServer;
  readonly username: string;
  /** Starts a browser with a new profile. */
  readonly startBrowser: (profile: string, isPrivate?: boolean) => Promise<RunningBrowser>;
  /** Opens the page in a new tab. */
  readonly openPage: (browser: RunningBrowser) => Promise<Tab>;
  /** The user's first browser. */
  first?: RunningBrowser;
  /** Its open tabs, oldest first. */
  readonly tabs: Tab[];
  /** The only tab of the user's second browser. */
  elsewhere?: Tab;
}

export interface Step {
  readonly name: string;
  /** Whether requests fail in this step on purpose, which browsers report on the console. */
  readonly hasNetworkErrors?: boolean;
  /** Resolves with what was measured. */
  readonly run: (session: Session) => Promise<string>;
}

const THEMES = ['dark', 'light'] as const;
const ROUNDS = 6;
const RELOADS = 3;

export const STEPS: readonly Step[] = [
  { name: 'sign in', run: signIn },
  { name: 'change seen in a second profile', run: changeIsSeen },
  { name: 'second tab', run: secondTab },
  { name: 'reload while live', run: reloadWhileLive },
  { name: 'server stopped, page reloaded and edited', hasNetworkErrors: true, run: reloadWithoutServer },
  { name: 'server back, edit arrives', hasNetworkErrors: true, run: serverIsBack },
  { name: 'leader closed, follower takes over', run: leaderIsClosed },
  { name: 'sign out', run: signOut },
  { name: 'private window', run: privateWindow },
];

async function signIn(session: Session): Promise<string> {
  session.first = await session.startBrowser('first');
  const tab = await session.openPage(session.first);
  session.tabs.push(tab);
  await click(tab, 'choose-register');
  const ms = await submitCredentials(tab, session.username);
  session.elsewhere = await session.openPage(await session.startBrowser('second'));
  await submitCredentials(session.elsewhere, session.username);
  return `${ms} ms to live`;
}

/** Resolves with the time until the page is live, in milliseconds. */
async function submitCredentials(tab: Tab, username: string): Promise<number> {
  await fill(tab, 'username', username);
  await fill(tab, 'password', PASSWORD);
  const appearance = await recordAppearance(tab, status('live'));
  const clickedAt = await click(tab, 'submit');
  return (await appearance()) - clickedAt;
}

async function changeIsSeen(session: Session): Promise<string> {
  const { tab, elsewhere } = opened(session);
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round += 1) {
    times.push(await measureChange(tab, elsewhere, 'theme', THEMES[round % 2] ?? 'dark'));
  }
  return `${median(times)} ms from click to DOM`;
}

/** Chooses a value in one tab, and resolves with the time until another tab shows it, in milliseconds. */
async function measureChange(from: Tab, to: Tab, name: string, value: string): Promise<number> {
  // An edit of before may still be on its way.
  for (const tab of [from, to]) await waitFor(tab, status('live', 0));
  const appearance = await recordAppearance(to, preference(name, value));
  const clickedAt = await click(from, `choice-${name}-${value}`);
  return (await appearance()) - clickedAt;
}

async function secondTab(session: Session): Promise<string> {
  const { first, tab, elsewhere } = opened(session);
  const follower = await session.openPage(first);
  session.tabs.push(follower);
  await waitFor(follower, status('live', 0));
  await waitFor(follower, preference('theme', 'light'));
  const [toFollower, toElsewhere] = [
    await measureChange(tab, follower, 'viewMode', 'graph'),
    await measureChange(follower, elsewhere, 'viewMode', 'table'),
  ];
  await waitFor(tab, preference('viewMode', 'table'));
  return `${toFollower} ms to it, ${toElsewhere} ms from it`;
}

async function reloadWhileLive(session: Session): Promise<string> {
  const { tab } = opened(session);
  const times: number[] = [];
  for (let reload = 0; reload < RELOADS; reload += 1) {
    times.push(await reloadUntil(tab, status('live', 0)));
    // A follower shows the leader's status before its own scripts have loaded. Firefox reports a load that a reload aborts.
    await waitFor(tab, preference('viewMode', 'table'));
  }
  return `${median(times)} ms to live`;
}

async function reloadWithoutServer(session: Session): Promise<string> {
  const { tab } = opened(session);
  await tab.evaluate('navigator.serviceWorker.ready.then(() => true)');
  await session.server.stop();
  await waitFor(tab, status('offline'));
  const ms = await reloadUntil(tab, preference('viewMode', 'table'));
  await click(tab, 'choice-viewMode-kanban');
  await waitFor(tab, status('offline', 1));
  return `${Math.round(ms)} ms to the data`;
}

async function serverIsBack(session: Session): Promise<string> {
  const { tab, elsewhere } = opened(session);
  const appearance = await recordAppearance(elsewhere, preference('viewMode', 'kanban'));
  await session.server.start();
  const startedAt = Date.now();
  const ms = (await appearance()) - startedAt;
  for (const each of [tab, elsewhere]) await waitFor(each, status('live', 0));
  return `${ms} ms`;
}

/** The newest tab is certainly a follower while others are open, and the leader once they are closed. */
async function leaderIsClosed(session: Session): Promise<string> {
  const { first, elsewhere } = opened(session);
  const newest = await session.openPage(first);
  await waitFor(newest, status('live', 0));
  for (const tab of session.tabs.splice(0, session.tabs.length, newest)) await tab.close();
  const ms = await measureChange(elsewhere, newest, 'viewMode', 'graph');
  await measureChange(newest, elsewhere, 'viewMode', 'table');
  return `${ms} ms to a change`;
}

async function signOut(session: Session): Promise<string> {
  const { tab } = opened(session);
  expect((await databaseNames(tab)).length === 1, 'there is no local database to remove');
  const appearance = await recordAppearance(tab, byTestId('credentials-form'));
  const clickedAt = await click(tab, 'sign-out');
  const ms = (await appearance()) - clickedAt;
  const names = await databaseNames(tab);
  expect(names.length === 0, `databases left: ${names.join(', ')}`);
  return `${ms} ms`;
}

async function privateWindow(session: Session): Promise<string> {
  const { elsewhere } = opened(session);
  const tab = await session.openPage(await session.startBrowser('private', true));
  const ms = await submitCredentials(tab, session.username);
  await waitFor(tab, preference('viewMode', 'table'));
  await measureChange(tab, elsewhere, 'theme', 'dark');
  await measureChange(elsewhere, tab, 'theme', 'light');
  await click(tab, 'sign-out');
  await waitFor(tab, byTestId('credentials-form'));
  return `${ms} ms to live`;
}

interface Opened {
  readonly first: RunningBrowser;
  readonly tab: Tab;
  readonly elsewhere: Tab;
}

/** Returns what the first step has opened. */
function opened({ first, tabs: [tab], elsewhere }: Session): Opened {
  if (first === undefined || tab === undefined || elsewhere === undefined) throw new Error('No page is open.');
  return { first, tab, elsewhere };
}

function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  return Math.round(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0);
}
