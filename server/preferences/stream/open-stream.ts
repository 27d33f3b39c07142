import type { ServerResponse } from 'node:http';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { stateToken, type StateToken } from '../../registry/state-token.ts';
import type { Hub } from '../../registry/hub.ts';
import type { LeafReader } from '../../registry/leaf-reader.ts';
import { createPreferencesResponse } from '../response.ts';
import type { PreferenceDefinition } from '../schema.ts';
import type { PreferencesService } from '../service.ts';
import { PreferencesStream, type StreamDeps, type Snapshot } from './event-stream.ts';

export interface PreferenceStreamsOptions<P extends object> extends Pick<
  StreamDeps,
  'timer' | 'now' | 'onDelivered' | 'onSlowReader'
> {
  readonly hub: Hub;
  readonly leaves: LeafReader;
  readonly service: Pick<PreferencesService<P>, 'read'>;
  readonly definition: Pick<PreferenceDefinition<P>, 'defaults'>;
  /** Rejects when a caller's right has ended meanwhile. */
  readonly assertActive: (caller: Caller) => Promise<void>;
  /** In ms, between two heartbeats. */
  readonly heartbeatMs?: number | undefined;
}

/** Opens streams of preferences. */
export interface PreferenceStreams {
  /** `told`: the id of the last event that the client has. Rejects as long as a status can still be sent. */
  open(caller: Caller, lastEventId: StateToken | undefined, res: ServerResponse): Promise<void>;
}

/** In ms: less than what fronts take for silence, which is a minute mostly. */
const DEFAULT_HEARTBEAT_MS = 20_000;

export function createPreferenceStreams<P extends object>(options: PreferenceStreamsOptions<P>): PreferenceStreams {
  const {
    hub,
    leaves,
    service,
    definition,
    timer,
    now,
    onDelivered,
    onSlowReader,
    assertActive,
    heartbeatMs = DEFAULT_HEARTBEAT_MS,
  } = options;
  /** Streams of one user are woken together, and need the same. */
  const pendingReads = new Map<string, Promise<Snapshot>>();
  const readSnapshot = async (username: Username): Promise<Snapshot> => {
    const now = await service.read(username);
    return { token: now.token, body: createPreferencesResponse(now, definition) };
  };
  const deps: StreamDeps = {
    hub,
    timer,
    now,
    heartbeatMs,
    onDelivered,
    onSlowReader,
    readSnapshot: (username, token) => {
      const key = `${username} ${token}`;
      const pending = pendingReads.get(key) ?? readSnapshot(username).finally(() => pendingReads.delete(key));
      pendingReads.set(key, pending);
      return pending;
    },
  };
  return {
    open: async (caller, lastEventId, res) => {
      // Registered before the state is read, so that a change in between is not missed.
      const stream = new PreferencesStream(caller, res, lastEventId, deps);
      try {
        // And before the right is looked at once more: an end between its first check and now was told to nobody.
        await assertActive(caller);
        const token = stateToken(hub.cachedState(caller.ownId) ?? (await leaves.read(caller.ownId)));
        // What must not be served is refused while a status can still be sent; and one who has no document is given one.
        stream.start(token, token === lastEventId ? undefined : await deps.readSnapshot(caller.username, token));
      } catch (error) {
        stream.close();
        throw error;
      }
    },
  };
}
