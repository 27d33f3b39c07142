import type { ServerResponse } from 'node:http';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { stateToken, type StateToken } from '../../registry/state-token.ts';
import type { Hub } from '../../registry/hub.ts';
import type { LeavesReader } from '../../registry/leaf-reader.ts';
import { preferencesAnswer } from '../response.ts';
import type { PreferenceRules } from '../schema.ts';
import type { PreferencesService } from '../service.ts';
import { PreferencesStream, type StreamRoom, type Told } from './event-stream.ts';

export interface StreamsOptions<P extends object> extends Pick<
  StreamRoom,
  'timer' | 'now' | 'onDelivered' | 'onSlowReader'
> {
  readonly hub: Hub;
  readonly leaves: LeavesReader;
  readonly service: Pick<PreferencesService<P>, 'read'>;
  readonly rules: Pick<PreferenceRules<P>, 'defaults'>;
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

export function createStreams<P extends object>(options: StreamsOptions<P>): Streams {
  const { hub, leaves, service, rules, timer, now, onDelivered, onSlowReader, checkRight, beat = BEAT } = options;
  /** Streams of one user are woken together, and need the same. */
  const reads = new Map<string, Promise<Told>>();
  const read = async (username: Username): Promise<Told> => {
    const now = await service.read(username);
    return { token: now.token, answer: preferencesAnswer(now, rules) };
  };
  const room: StreamRoom = {
    hub,
    timer,
    now,
    beat,
    onDelivered,
    onSlowReader,
    read: (username, token) => {
      const key = `${username} ${token}`;
      const underway = reads.get(key) ?? read(username).finally(() => reads.delete(key));
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
