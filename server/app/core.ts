import type { Request, Response, Router } from 'express';
import type { Logger } from 'pino';
import type { Caller } from '../http/caller.ts';
import { FewAtATime } from '../lib/keyed-concurrency-limit.ts';
import { createGate } from '../gate/router.ts';
import type { Mount } from '../gate/request/target.ts';
import { SecretGuard } from '../registry/secret-guard.ts';
import { SharedTimer } from '../lib/timer-wheel.ts';
import type { RateLimit } from '../http/rate-limits.ts';
import { createRest } from '../preferences/http/routes.ts';
import type { PreferenceRules } from '../preferences/schema.ts';
import { createPreferencesService, type PreferencesService } from '../preferences/service.ts';
import { createStreams } from '../preferences/stream/open-stream.ts';
import type { Upstream } from '../upstream/client.ts';
import type { FeedListener } from '../upstream/feed/listener.ts';
import { followChanges } from '../upstream/feed/feed.ts';
import type { Forward } from '../upstream/forward.ts';
import { Hub } from '../registry/hub.ts';
import { upstreamAuthorization } from '../upstream/authorization.ts';
import { createLeavesReader } from '../registry/leaf-reader.ts';
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
  readonly rules: PreferenceRules<P>;
  readonly provision: Provision;
  /** Who asks. */
  readonly authenticate: (req: Request) => Promise<Caller>;
  readonly authenticateCookie: (req: Request, res: Response) => Promise<Caller>;
  /** Rejects when a caller's right has ended meanwhile. */
  readonly checkRight: (caller: Caller) => Promise<void>;
  /** Of one user's requests by plain HTTP. */
  readonly limit: RateLimit;
  readonly log: Pick<Logger, 'warn' | 'error'>;
  readonly feedListener?: FeedListener & { readonly onRow: (seq: string) => void };
  readonly onDelivered?: (seconds: number) => void;
  readonly onSlowReader?: () => void;
  /** Of the feed, as followChanges has it, in ms. */
  readonly heartbeat?: number;
  /** Between two heartbeats of a stream of preferences, in ms. */
  readonly streamBeat?: number;
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
  const { upstream, mount, rules, provision, checkRight, authenticate, log, feedListener } = options;
  const { onDelivered = () => undefined, onSlowReader = () => undefined } = options;
  const { couch, access } = upstream;
  const registry = mount.database;
  const timer = new SharedTimer();
  const leaves = createLeavesReader(couch, registry);
  const hub = new Hub(leaves);
  const feed = followChanges({
    access,
    database: registry,
    ...(options.heartbeat === undefined ? {} : { heartbeat: options.heartbeat }),
    onRow: (row) => {
      feedListener?.onRow(row.seq);
      hub.onRow(row);
    },
    onUp: () => {
      feedListener?.onUp();
      hub.onUp();
    },
    onDown: (reason) => {
      hub.onDown();
      feedListener?.onDown(reason);
    },
    onHeard: () => feedListener?.onHeard(),
  });
  const onError = (error: unknown): void => log.error({ err: error }, 'A request failed unexpectedly.');
  const secrets = new SecretGuard((username, field) =>
    log.warn({ username, field }, 'A document is not served: it has a field that must never be replicated.'),
  );
  const writes = new FewAtATime(1);
  const now = Date.now;
  const service = createPreferencesService({ couch, registry, provision, rules, secrets, writes, now });
  const gate = createGate({
    mount,
    publicUrl: options.publicUrl,
    corsOrigins: options.corsOrigins,
    authenticate,
    onError,
    context: {
      registry,
      leaves,
      hub,
      forward: options.forward,
      authorizationFor: upstreamAuthorization(access, options.jwtSecret),
      provision,
      upgrade: (username) =>
        service
          .upgrade(username)
          .catch((error: unknown) =>
            log.warn({ err: error, username }, 'An old document could not be brought up to date.'),
          ),
      checkRight,
      readBody: rules.readBody,
      secrets,
      timer,
      writes,
      asks: new FewAtATime(3),
      now,
      onDelivered,
      onSlowReader,
    },
  });
  const streams = createStreams({
    hub,
    leaves,
    service,
    rules,
    timer,
    now,
    checkRight,
    onDelivered,
    onSlowReader,
    ...(options.streamBeat === undefined ? {} : { beat: options.streamBeat }),
  });
  const preferences = createRest({
    service,
    rules,
    authenticate,
    authenticateCookie: options.authenticateCookie,
    checkRight,
    streams,
    corsOrigins: options.corsOrigins,
    limit: options.limit,
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
