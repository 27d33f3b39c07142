import type { ServerResponse } from 'node:http';
import type { Caller } from '../caller.ts';
import { stateToken, type StateToken } from '../gate/state-token.ts';
import type { Hub } from '../upstream/hub.ts';
import type { LeavesReader } from '../upstream/leaves.ts';
import type { PreferencesService, UserPreferences } from './service.ts';
import { PreferencesStream, type StreamRoom } from './stream.ts';

export interface StreamsOptions extends Pick<StreamRoom, 'timer' | 'now' | 'onDelivered' | 'onSlowReader'> {
  readonly hub: Hub;
  readonly leaves: LeavesReader;
  readonly service: Pick<PreferencesService, 'read'>;
  /** Rejects when a caller's right has ended meanwhile. */
  readonly checkRight: (caller: Caller) => Promise<void>;
  /** In ms, between two heartbeats. */
  readonly beat?: number;
}

/** Opens streams of preferences. */
export interface Streams {
  /** `told`: the id of the last event that the client has. Rejects as long as a status can still be sent. */
  open(caller: Caller, told: StateToken | undefined, res: ServerResponse): Promise<void>;
}

/** In ms: less than what fronts take for silence, which is a minute mostly. */
const BEAT = 20_000;

export function createStreams(options: StreamsOptions): Streams {
  const { hub, leaves, service, timer, now, onDelivered, onSlowReader, checkRight, beat = BEAT } = options;
  /** Streams of one user are woken together, and need the same. */
  const reads = new Map<string, Promise<UserPreferences>>();
  const room: StreamRoom = {
    hub,
    timer,
    now,
    beat,
    onDelivered,
    onSlowReader,
    read: (username, token) => {
      const key = `${username} ${token}`;
      const underway = reads.get(key) ?? service.read(username).finally(() => reads.delete(key));
      reads.set(key, underway);
      return underway;
    },
  };
  return {
    open: async (caller, told, res) => {
      // Registered before the state is read, so that a change in between is not missed.
      const stream = new PreferencesStream(caller, res, told, room);
      try {
        // And before the right is looked at once more: an end between its first check and now was told to nobody.
        await checkRight(caller);
        const token = stateToken(hub.heard(caller.ownId) ?? (await leaves.read(caller.ownId)));
        // What must not be served is refused while a status can still be sent; and one who has no document is given one.
        stream.begin(token, token === told ? undefined : await room.read(caller.username, token));
      } catch (error) {
        stream.close();
        throw error;
      }
    },
  };
}
