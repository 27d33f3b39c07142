/** A client becomes live, receives every edit, and stays live for longer than the timeouts of proxies. */
import { setTimeout as delay } from 'node:timers/promises';
import type { PreferencesStore } from '../../../../client/index.ts';
import type { Clients } from '../testing/clients.ts';
import type { Path } from '../testing/paths.ts';
import { formatSeconds, MAX_LIVE_MS, timeUntil, type Outcome } from './outcome.ts';

/** The time between two edits, in ms. */
const EDIT_INTERVAL_MS = 5_000;

/** What a store and a stream have in common. */
type Follower = Pick<PreferencesStore, 'subscribe' | 'status'> & {
  readonly get: () => { selectedTags: readonly string[] };
};

/** Two devices sync through the path; the second one follows the edits of the first. */
export async function checkLiveSync(clients: Clients, path: Path, seconds: number): Promise<Outcome> {
  const username = `sync-${path.proxy}-${path.configuration.replace('/', '-')}`;
  const [writer, reader] = [clients.openStore(path, username), clients.openStore(path, username)];
  return follow(reader, (tag) => writer.set({ selectedTags: [tag] }), seconds);
}

/** An event stream through the path follows edits over REST. */
export async function checkEventStream(clients: Clients, path: Path, seconds: number): Promise<Outcome> {
  const username = `stream-${path.proxy}-${path.configuration.replace('/', '-')}`;
  const stream = clients.openStream(path, username);
  return follow(stream, (tag) => clients.patch(path, username, { selectedTags: [tag] }), seconds);
}

async function follow(follower: Follower, edit: (tag: string) => Promise<unknown>, seconds: number): Promise<Outcome> {
  const isLive = (): boolean => follower.status().state === 'live';
  const liveMs = await timeUntil(follower.subscribe, isLive, MAX_LIVE_MS);
  if (liveMs === undefined) return { passed: false, note: `not live: ${follower.status().state}` };
  const interruptions = recordInterruptions(follower);
  const endAt = performance.now() + seconds * 1000;
  let slowestMs = 0;
  for (let n = 0; performance.now() < endAt; n += 1) {
    const tag = `edit ${n}`;
    const [arrivedMs] = await Promise.all([
      timeUntil(follower.subscribe, () => follower.get().selectedTags.includes(tag), MAX_LIVE_MS),
      edit(tag),
    ]);
    if (arrivedMs === undefined)
      return { passed: false, note: [`edit ${n} did not arrive`, ...interruptions].join(', ') };
    slowestMs = Math.max(slowestMs, arrivedMs);
    await delay(Math.max(0, Math.min(EDIT_INTERVAL_MS, endAt - performance.now())));
  }
  const note = `live after ${formatSeconds(liveMs)}, edits within ${formatSeconds(slowestMs)}`;
  return { passed: interruptions.length === 0, note: [note, ...interruptions].join(', ') };
}

/** Returns a growing list of the states in which the follower was not live. */
function recordInterruptions(follower: Follower): readonly string[] {
  const startedAt = performance.now();
  const interruptions: string[] = [];
  let wasLive = true;
  follower.subscribe(() => {
    const { state } = follower.status();
    if (wasLive && state !== 'live') {
      interruptions.push(`${state} after ${formatSeconds(performance.now() - startedAt)}`);
    }
    wasLive = state === 'live';
  });
  return interruptions;
}
