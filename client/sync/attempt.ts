/** One attempt to be in sync: a run of PouchDB's sync, what is to be done before it, and what is learnt on its way. */
import type { Bell } from '../platform/bell.ts';
import { openRemoteDatabase } from '../platform/database.ts';
import type { Environment } from '../platform/environment.ts';
import type { GetToken } from '../platform/tokens.ts';
import type { LocalStore } from '../store/local-store.ts';
import type { Pace } from './pace.ts';
import { replaceReplica, trySuspects } from './repair.ts';
import type { StatusEvent } from './status.ts';
import { createTrustedFetch } from './trusted-fetch.ts';

export interface SyncTiming {
  /** Milliseconds between the signs of life that the server is asked for. */
  readonly heartbeat: number;
  /** Milliseconds without any after which the connection is taken for dead. */
  readonly silence: number;
}

export interface SyncOptions {
  readonly url: string;
  readonly getToken: GetToken;
  readonly store: LocalStore;
  readonly environment: Pick<Environment, 'now' | 'random' | 'fetch' | 'onOffline'>;
  readonly timing: SyncTiming;
  readonly wake: Bell;
  readonly dispatch: (event: StatusEvent) => void;
}

export interface AttemptOptions extends SyncOptions {
  /** Who waits for a turn to ask, by the last part of the URL's path. */
  readonly paces: Readonly<Record<string, Pace>>;
  /** The last attempt failed: a longpoll is believed in once it has been held for a while. */
  readonly isWary: boolean;
  /** In the last one the server refused a revision, which PouchDB keeps and never sends again. */
  readonly wasDenied: boolean;
}

export interface Ending {
  readonly type: 'interrupted' | 'denied' | 'sign-in-needed';
  /** Milliseconds that the server wants to be left alone. */
  readonly asked: number;
  /** When something last came over the connection. */
  readonly heard: number;
  /** When it began to be live; Infinity: it never was. */
  readonly liveSince: number;
}

/** Ends the attempt, unless it has ended. */
export type End = (type: Ending['type'], asked?: number) => void;

/** Both halves of a PouchDB sync, which its types do not tell of: each says by itself when it is idle. */
interface Halves {
  readonly push: Half;
  readonly pull: Half;
}
interface Half {
  readonly on: (event: 'paused' | 'active', listener: (error?: unknown) => void) => unknown;
}

/** Resolved with how it ended: interrupted, when `stop` is aborted. Never rejects. */
export function attempt(options: AttemptOptions, stop: AbortSignal): Promise<Ending> {
  const { store, environment, timing, wake, dispatch, isWary, wasDenied } = options;
  const { now, onOffline } = environment;
  const { heartbeat, silence } = timing;
  const run = new AbortController();
  const { signal } = run;
  let heard = now();
  let liveSince = Infinity;
  const end: End = (type, asked = 0) => run.abort({ type, asked, heard, liveSince } satisfies Ending);
  const interrupt = (): void => end('interrupted');
  const atEnd = (task: () => void): void => signal.addEventListener('abort', task);

  /** What the server's feed has shown in this run. */
  const shown = new Set<string>();
  /** Who has nothing to do: the halves of PouchDB's sync, and the longpoll, which is held. */
  const idle = new Set<Half | 'longpoll'>();
  /** Since when all were idle, and yet the server has not shown all. */
  let doubtedSince = Infinity;

  /** In sync is who has seen all that is here in the server's own feed, when nobody has anything more to do. */
  const check = (): void => {
    if (idle.size < 3 || signal.aborted) return;
    const learnt = store.learn(shown).then((isAllThere) => {
      if (idle.size < 3 || signal.aborted) return;
      doubtedSince = isAllThere ? Infinity : Math.min(doubtedSince, now());
      if (!isAllThere) return;
      liveSince = Math.min(liveSince, now());
      dispatch({ type: 'caught-up', at: now() });
    });
    // A local database that cannot be read ends the run by itself.
    learnt.catch(() => undefined);
  };
  const rest = (who: Half | 'longpoll'): void => {
    idle.add(who);
    check();
  };

  const begin = async (): Promise<void> => {
    const remoteFetch = createTrustedFetch(options, {
      signal,
      end,
      onHeard: () => {
        heard = now();
      },
      onAnswer: (revisions) => {
        dispatch({ type: 'answered' });
        for (const revision of revisions) shown.add(revision);
        if (revisions.length > 0) check();
      },
      onListening: () => rest('longpoll'),
    });
    // By the first answer that it gets from an address PouchDB decides for the life of a page whether there is a
    // `_bulk_get`. Under another address each time, it decides anew.
    const remote = openRemoteDatabase(`http://attempt${now()}/database`, remoteFetch);
    if (wasDenied) await replaceReplica(store, remote);
    await trySuspects(store, remote, (edit) => dispatch({ type: 'refused', edit }));
    // The browser may have thrown the local database away: reading finds that out, and opens another.
    if (isWary) await store.refresh();
    if (signal.aborted) return;

    const local = store.database();
    // It was lost, or another tab has replaced it: nothing of the new one would be sent from here.
    const whenReplaced = (): void => {
      if (store.database() !== local) interrupt();
    };
    atEnd(store.subscribe(whenReplaced));
    const sync = local.sync(remote, {
      live: true,
      // It never does: a replication that has failed is cancelled at once, and another attempt made.
      retry: true,
      doc_ids: [store.id],
      // For one document a checkpoint saves nothing. Without one every start asks about all local leaves, so that what
      // a restored server has lost comes back to it.
      checkpoint: false,
      heartbeat,
    });
    atEnd(() => sync.cancel());
    const { push, pull } = sync as typeof sync & Halves;
    for (const half of [push, pull]) {
      half.on('active', () => {
        idle.delete(half);
        doubtedSince = Infinity;
      });
      half.on('paused', (error) => {
        if (error) interrupt();
        else rest(half);
      });
    }
    // The sync is a promise too, and each `on` returns it.
    void sync.on('denied', () => end('denied'));
    // A 401 has been dealt with by the fetch, and is not seen here.
    sync.then(interrupt, interrupt);
  };

  stop.addEventListener('abort', interrupt, { signal });
  atEnd(onOffline(interrupt));
  // Whatever is waited for, silence ends it. It is told by the clock, which goes on while a computer sleeps and its timers
  // do not, and is asked at once when somebody wakes up.
  const listen = (): void => {
    // For a heartbeat the feed may take its time; then what PouchDB takes for sent is asked about again.
    if (Math.abs(now() - heard) > silence || now() - doubtedSince > heartbeat) interrupt();
  };
  const listening = setInterval(listen, heartbeat / 2);
  atEnd(() => clearInterval(listening));
  atEnd(wake.listen(listen));
  begin().catch(interrupt);
  return new Promise((resolve) => atEnd(() => resolve(signal.reason as Ending)));
}
