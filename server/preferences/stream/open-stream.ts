import type { ServerResponse } from 'node:http';
import type { Username } from '../../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../../http/caller.ts';
import { stateToken } from '../../registry/state-token.ts';
import type { Hub } from '../../registry/hub.ts';
import type { LeafReader } from '../../registry/leaf-reader.ts';
import { createPreferencesResponse } from '../response.ts';
import type { PreferenceDefinition } from '../schema.ts';
import type { PreferencesService } from '../service.ts';
import type { StreamRequest } from './parse-request.ts';
import { PreferencesStream, type StreamDeps, type Snapshot } from './event-stream.ts';

export interface PreferenceStreamsOptions<P extends object> extends Pick<
  StreamDeps,
  'timer' | 'now' | 'onDelivered' | 'onSlowReader' | 'onError'
> {
  readonly hub: Hub;
  readonly leaves: LeafReader;
  readonly service: Pick<PreferencesService<P>, 'read'>;
  readonly definition: Pick<PreferenceDefinition<P>, 'defaults'>;
  /** Rejects when the caller's access has ended since it was authenticated. */
  readonly assertActive: (caller: Caller) => Promise<void>;
  /** The interval between two heartbeats, in ms. */
  readonly heartbeatMs?: number | undefined;
}

/** Opens preference streams. */
export interface PreferenceStreams {
  /** Answers with a stream. Rejects, before the response has started, with an error that has a status. */
  open(caller: Caller, request: StreamRequest, res: ServerResponse): Promise<void>;
}

/** In ms: below the idle timeout of reverse proxies, which is mostly a minute. */
const DEFAULT_HEARTBEAT_MS = 20_000;

/** Creates the streams of one process, which share reads, timer and hub. */
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
    onError,
    assertActive,
    heartbeatMs = DEFAULT_HEARTBEAT_MS,
  } = options;
  /** A user's streams are woken together and share one read. */
  const pendingReads = new Map<string, Promise<Snapshot>>();
  const readSnapshot = async (username: Username): Promise<Snapshot> => {
    const current = await service.read(username);
    return { token: current.token, body: createPreferencesResponse(current, definition) };
  };
  const deps: StreamDeps = {
    hub,
    timer,
    now,
    heartbeatMs,
    onDelivered,
    onSlowReader,
    onError,
    readSnapshot: (username, token) => {
      const key = `${username} ${token}`;
      const pending = pendingReads.get(key) ?? readSnapshot(username).finally(() => pendingReads.delete(key));
      pendingReads.set(key, pending);
      return pending;
    },
  };
  return {
    open: async (caller, request, res) => {
      // Registered before the state is read, so that a change in between is not missed.
      const stream = new PreferencesStream(caller, res, request, deps);
      try {
        // It is also registered before access is checked again: a revocation before registration would be missed.
        await assertActive(caller);
        const token = stateToken(hub.cachedState(caller.ownId) ?? (await leaves.read(caller.ownId)));
        // Read before the response starts: an error can still be sent as a status. The read also creates a missing document.
        stream.start(
          token,
          token === request.lastEventId ? undefined : await deps.readSnapshot(caller.username, token),
        );
      } catch (error) {
        stream.close();
        throw error;
      }
    },
  };
}
