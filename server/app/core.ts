import type { Request, Response, Router } from 'express';
import type { Logger } from 'pino';
import type { Caller } from '../http/caller.ts';
import { KeyedConcurrencyLimit } from '../lib/keyed-concurrency-limit.ts';
import { createGate } from '../gate/router.ts';
import type { Mount } from '../gate/request/target.ts';
import { SecretGuard } from '../registry/secret-guard.ts';
import { TimerWheel } from '../lib/timer-wheel.ts';
import type { RateLimit } from '../http/rate-limits.ts';
import { createPreferenceRoutes } from '../preferences/http/routes.ts';
import type { PreferenceDefinition } from '../preferences/schema.ts';
import { createPreferencesService, type PreferencesService } from '../preferences/service.ts';
import { createPreferenceStreams } from '../preferences/stream/open-stream.ts';
import type { Upstream } from '../upstream/client.ts';
import type { FeedListener } from '../upstream/feed/listener.ts';
import { followChanges } from '../upstream/feed/feed.ts';
import type { Forward } from '../upstream/forward.ts';
import { Hub } from '../registry/hub.ts';
import { upstreamAuthorization } from '../upstream/authorization.ts';
import { createLeafReader } from '../registry/leaf-reader.ts';
import type { Provision } from '../registry/provision-document.ts';

export interface CoreOptions<P extends object> {
  readonly upstream: Upstream;
  readonly forward: Forward;
  /** With it users' requests are made as that user. */
  readonly jwtSecret: Buffer | undefined;
  readonly mount: Mount;
  /** The deployment's own URL, which goes into the database's identity; empty when there is none. */
  readonly publicUrl: string;
  readonly corsOrigins: readonly string[];
  readonly rules: PreferenceDefinition<P>;
  readonly provision: Provision;
  /** Who asks. */
  readonly authenticate: (req: Request) => Promise<Caller>;
  readonly authenticateCookie: (req: Request, res: Response) => Promise<Caller>;
  /** Rejects when a caller's right has ended meanwhile. */
  readonly assertActive: (caller: Caller) => Promise<void>;
  /** Of one user's requests by plain HTTP. */
  readonly rateLimit: RateLimit;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly feedListener?: FeedListener & { readonly onRow: (seq: string) => void };
  readonly onDelivered?: (seconds: number) => void;
  readonly onSlowReader?: () => void;
  /** Of the feed, as followChanges has it, in ms. */
  readonly heartbeat?: number;
  /** Between two heartbeats of a stream of preferences, in ms. */
  readonly streamHeartbeatMs?: number;
}

/** What serves one registry: the gate and the other doors, on one hub, one feed of CouchDB and one queue of writes. */
export interface Core<P extends object> {
  /** To be mounted at `mount.base`. */
  readonly gate: Router;
  /** To be mounted at `/api/users`, say. */
  readonly preferences: Router;
  readonly service: PreferencesService<P>;
  readonly hub: Hub;
  /** Lets go of the feed and of all timers. What is parked stays parked: end it by the hub. */
  close(): void;
}

export function createCore<P extends object>(options: CoreOptions<P>): Core<P> {
  const { upstream, mount, rules: definition, provision, assertActive, authenticate, log, feedListener } = options;
  const { onDelivered = () => undefined, onSlowReader = () => undefined } = options;
  const { couch, access } = upstream;
  const registry = mount.database;
  const timer = new TimerWheel();
  const leafReader = createLeafReader(couch, registry);
  const hub = new Hub(leafReader);
  const feed = followChanges({
    access,
    database: registry,
    ...(options.heartbeat === undefined ? {} : { heartbeat: options.heartbeat }),
    onRow: (row) => {
      feedListener?.onRow(row.seq);
      hub.onRow(row);
    },
    onConnect: () => {
      feedListener?.onConnect();
      hub.onConnect();
    },
    onDisconnect: (reason) => {
      hub.onDisconnect();
      feedListener?.onDisconnect(reason);
    },
    onActivity: () => feedListener?.onActivity(),
  });
  const onError = (error: unknown): void => log.error({ err: error }, 'A request failed unexpectedly.');
  const secretGuard = new SecretGuard((username, field) =>
    log.warn({ username, field }, 'A document is not served: it has a field that must never be replicated.'),
  );
  const writeQueue = new KeyedConcurrencyLimit(1);
  const now = Date.now;
  const service = createPreferencesService({ couch, registry, provision, definition, secretGuard, writeQueue, now });
  const gate = createGate({
    mount,
    publicUrl: options.publicUrl,
    corsOrigins: options.corsOrigins,
    authenticate,
    onError,
    context: {
      registry,
      leaves: leafReader,
      hub,
      forward: options.forward,
      authorizationFor: upstreamAuthorization(access, options.jwtSecret),
      provision,
      upgradeDocument: (username) =>
        service
          .upgrade(username)
          .catch((error: unknown) =>
            log.warn({ err: error, username }, 'An old document could not be brought up to date.'),
          ),
      checkAccess: assertActive,
      readBody: definition.parseUserDocument,
      secrets: secretGuard,
      timer,
      writeQueue,
      upstreamLimit: new KeyedConcurrencyLimit(3),
      now,
      onDelivered,
      onSlowReader,
    },
  });
  const streams = createPreferenceStreams({
    hub,
    leaves: leafReader,
    service,
    definition,
    timer,
    now,
    assertActive,
    onDelivered,
    onSlowReader,
    ...(options.streamHeartbeatMs === undefined ? {} : { heartbeatMs: options.streamHeartbeatMs }),
  });
  const preferences = createPreferenceRoutes({
    service,
    definition,
    authenticate,
    authenticateCookie: options.authenticateCookie,
    assertActive,
    streams,
    corsOrigins: options.corsOrigins,
    limit: options.rateLimit,
    onError,
  });
  return {
    gate,
    preferences,
    service,
    hub,
    close: () => {
      feed.close();
      timer.close();
    },
  };
}
