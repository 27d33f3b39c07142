/** A client becomes live, receives every edit, and stays live for longer than the timeouts of proxies. */
import { setTimeout as delay } from 'node:timers/promises';
import type { PreferencesStore } from '../../../../client/index.ts';
import type { Clients } from '../testing/clients.ts';
import type { Journal } from '../testing/journal.ts';
import type { ObservedPath, Path } from '../testing/paths.ts';
import { formatSeconds, MAX_LIVE_MS, timeUntil, type Outcome } from './outcome.ts';

/** The time between two edits, in ms. */
const EDIT_INTERVAL_MS = 5_000;

/** A request that has received nothing for this time, in ms, is part of the note of a failure. */
const MIN_SILENT_MS = 2_000;

/** What a store and a stream have in common. */
type Follower = Pick<PreferencesStore, 'subscribe' | 'status'> & {
  readonly get: () => { selectedTags: readonly string[] };
};

/** Two devices sync through the path; the second one follows the edits of the first. */
export async function checkLiveSync(clients: Clients, path: Path, journal: Journal, seconds: number): Promise<Outcome> {
  const username = `sync-${path.proxy}-${path.configuration.replace('/', '-')}`;
  const observed = path.observe('live sync');
  const [writer, reader] = [clients.openStore(observed, username), clients.openStore(observed, username)];
  recordStatuses(writer, journal, `${username}, writer`);
  recordStatuses(reader, journal, `${username}, reader`);
  return follow(reader, observed, (tag) => writer.set({ selectedTags: [tag] }), seconds);
}

/** An event stream through the path follows edits over REST. */
export async function checkEventStream(
  clients: Clients,
  path: Path,
  journal: Journal,
  seconds: number,
): Promise<Outcome> {
  const username = `stream-${path.proxy}-${path.configuration.replace('/', '-')}`;
  const observed = path.observe('event stream');
  const stream = clients.openStream(observed, username);
  recordStatuses(stream, journal, username);
  return follow(stream, observed, (tag) => clients.patch(observed, username, { selectedTags: [tag] }), seconds);
}

async function follow(
  follower: Follower,
  { requests }: ObservedPath,
  edit: (tag: string) => Promise<unknown>,
  seconds: number,
): Promise<Outcome> {
  const fail = (...parts: readonly string[]): Outcome => ({
    passed: false,
    note: [...parts, ...requests.failures.map(({ text }) => text), ...requests.silent(MIN_SILENT_MS)].join('; '),
  });
  const isLive = (): boolean => follower.status().state === 'live';
  const liveMs = await timeUntil(follower.subscribe, isLive, MAX_LIVE_MS);
  if (liveMs === undefined) return fail(`not live: ${describeStatus(follower)}`);
  const interruptions = recordInterruptions(follower);
  const endAt = performance.now() + seconds * 1000;
  let slowestMs = 0;
  for (let n = 0; performance.now() < endAt; n += 1) {
    const tag = `edit ${n}`;
    const [arrivedMs] = await Promise.all([
      timeUntil(follower.subscribe, () => follower.get().selectedTags.includes(tag), MAX_LIVE_MS),
      edit(tag),
    ]);
    if (arrivedMs === undefined) return fail(`edit ${n} did not arrive`, describeStatus(follower), ...interruptions);
    slowestMs = Math.max(slowestMs, arrivedMs);
    await delay(Math.max(0, Math.min(EDIT_INTERVAL_MS, endAt - performance.now())));
  }
  const note = `live after ${formatSeconds(liveMs)}, edits within ${formatSeconds(slowestMs)}`;
  return interruptions.length === 0 ? { passed: true, note } : fail(note, ...interruptions);
}

/** Returns a growing list of the states in which the follower was not live. */
function recordInterruptions(follower: Follower): readonly string[] {
  const startedAt = performance.now();
  const interruptions: string[] = [];
  let wasLive = true;
  follower.subscribe(() => {
    const { state } = follower.status();
    if (wasLive && state !== 'live') {
      interruptions.push(`${describeStatus(follower)} after ${formatSeconds(performance.now() - startedAt)}`);
    }
    wasLive = state === 'live';
  });
  return interruptions;
}

/** Records each state that differs from the one before. */
function recordStatuses(follower: Pick<Follower, 'subscribe' | 'status'>, journal: Journal, source: string): void {
  let before = '';
  follower.subscribe(() => {
    const text = describeStatus(follower);
    if (text !== before) journal.record(source, text);
    before = text;
  });
}

/** Returns the state, with the reason if there is one. */
function describeStatus(follower: Pick<Follower, 'status'>): string {
  const { state, reason } = follower.status();
  return reason === undefined ? state : `${state} (${reason})`;
}
