import type { ServerResponse } from 'node:http';
import type { Request, Response, Router } from 'express';
import type { Logger } from 'pino';
import type { Preferences } from '../../couchdb-design/user-document/preference-rules.ts';
import { formatSubject } from '../../couchdb-design/user-document/subject-text.ts';
import { WellFormedRevisions } from '../gate/reads/well-formed-revisions.ts';
import { createGate, type GateHandler } from '../gate/router.ts';
import type { RouterMount } from '../gate/request/target.ts';
import type { Caller } from '../http/caller.ts';
import type { RateLimit } from '../http/rate-limits.ts';
import { requestIds } from '../http/request-context.ts';
import { KeyedConcurrencyLimit } from '../lib/keyed-concurrency-limit.ts';
import { TimerWheel } from '../lib/timer-wheel.ts';
import { createPreferenceRoutes } from '../preferences/http/routes.ts';
import type { PreferenceDefinition } from '../preferences/schema.ts';
import { createPreferencesService, type PreferencesService } from '../preferences/service.ts';
import { createPreferenceStreams } from '../preferences/stream/open-stream.ts';
import { Hub } from '../registry/hub.ts';
import { DocIdsLimit } from '../registry/doc-ids-limit.ts';
import { createLeafReader, type LeafReader } from '../registry/leaf-reader.ts';
import { MergedRevisions } from '../registry/merged-revisions.ts';
import type { Provision } from '../registry/provision-document.ts';
import { SecretGuard } from '../registry/secret-guard.ts';
import { upstreamAuthorization } from '../upstream/authorization.ts';
import type { Upstream } from '../upstream/client.ts';
import { followChanges, type Feed } from '../upstream/feed/feed.ts';
import type { FeedListener } from '../upstream/feed/listener.ts';
import type { Forward } from '../upstream/forward.ts';
import { logFailedBatches } from '../upstream/report-batches.ts';
import { readServerVersion } from '../upstream/server-version.ts';

export interface CoreOptions<P extends object> {
  readonly upstream: Upstream;
  readonly forward: Forward;
  /** Users' requests are sent as that user if it is set, and as the service account otherwise. */
  readonly jwtSecret: Buffer | undefined;
  /** The most ids that CouchDB looks up by id, if the operator has configured it. Default: that of CouchDB's version. */
  readonly docIdsThreshold?: number | undefined;
  readonly mount: RouterMount;
  /** The deployment's own URL, part of the database's identity; empty if there is none. */
  readonly publicUrl: string;
  readonly corsOrigins: readonly string[];
  readonly rules: PreferenceDefinition<P>;
  readonly provision: Provision;
  /** Resolves with the caller of a request. Rejects with 401, 502 or 503. */
  readonly authenticate: (req: Request) => Promise<Caller>;
  /** The same for an EventSource, which can send a cookie but no header. */
  readonly authenticateCookie: (req: Request, res: Response) => Promise<Caller>;
  /** Rejects if the caller's right has ended since they were authenticated. */
  readonly assertActive: (caller: Caller) => Promise<void>;
  /** The limit of one user's requests to the preferences routes. */
  readonly rateLimit: RateLimit;
  readonly log: Pick<Logger, 'debug' | 'warn' | 'error'>;
  /** This machine's time in ms since 1970, for the end of access. Edits are stamped by the upstream's. Default: `Date.now`. */
  readonly now?: (() => number) | undefined;
  readonly feedListener?: (FeedListener & { readonly onRow: (seq: string) => void }) | undefined;
  /** Called with the time, in seconds, from a change's feed row to the write to a client's socket. */
  readonly onDelivered?: ((seconds: number) => void) | undefined;
  /** Called when a live request is disconnected because its client reads too slowly. */
  readonly onSlowReader?: (() => void) | undefined;
  /** Called for each response that is refused because a document has a field that looks like a secret. */
  readonly onWithheld?: (() => void) | undefined;
  /** Called with the number of leaves of each document that is read, deleted ones included. */
  readonly onLeavesRead?: ((count: number) => void) | undefined;
  /** The heartbeat interval of the upstream feed, in ms. Default: that of `followChanges`. */
  readonly heartbeat?: number | undefined;
  /** The heartbeat interval of preference streams, in ms. Default: 20 s. */
  readonly streamHeartbeatMs?: number | undefined;
}

/** The gate and the preferences routes of one registry. They share one hub, one upstream feed and one queue of writes. */
export interface Core<P extends object = Preferences> {
  /** Handles the requests below `mount.base`. */
  readonly gate: GateHandler;
  /** The router to mount at `/api/users`. */
  readonly preferences: Router;
  readonly service: PreferencesService<P>;
  readonly hub: Hub;
  /** Closes the feed and clears all timers. Parked requests stay parked: end them through the hub first. */
  close(): void;
}

/** The upstream requests of one user at a time. The forwarder has eight connections for all users. */
const MAX_UPSTREAM_REQUESTS_PER_USER = 3;

/** What the gate and the preferences routes share. */
interface SharedParts<P extends object> {
  readonly leaves: LeafReader;
  readonly docIdsLimit: DocIdsLimit;
  readonly hub: Hub;
  readonly timer: TimerWheel;
  readonly secretGuard: SecretGuard;
  readonly writeQueue: KeyedConcurrencyLimit;
  readonly service: PreferencesService<P>;
  readonly now: () => number;
  readonly onDelivered: (seconds: number) => void;
  readonly onSlowReader: () => void;
  readonly onError: (error: unknown, res: ServerResponse) => void;
}

/** Creates the core and connects its feed. */
export function createCore<P extends object>(options: CoreOptions<P>): Core<P> {
  const parts = createSharedParts(options);
  const { hub, service, timer } = parts;
  const feed = followRegistry(options, parts);
  return {
    gate: createGateHandler(options, parts),
    preferences: createPreferencesRouter(options, parts),
    service,
    hub,
    close: () => {
      feed.close();
      timer.close();
    },
  };
}

function createSharedParts<P extends object>(options: CoreOptions<P>): SharedParts<P> {
  const { upstream, mount, log, onDelivered = () => undefined, onSlowReader = () => undefined } = options;
  const registry = mount.database;
  const { now = Date.now } = options;
  const readVersion = (): Promise<string | undefined> => readServerVersion(upstream);
  const docIdsLimit = new DocIdsLimit({ readVersion, threshold: options.docIdsThreshold });
  const leaves = createLeafReader(upstream.couch, registry, {
    maxIds: () => docIdsLimit.maxIds,
    onBatch: logFailedBatches(log, 'leaves'),
    onLeavesRead: options.onLeavesRead,
  });
  const secretGuard = new SecretGuard((username, field) => {
    options.onWithheld?.();
    log.warn(
      { username: formatSubject(username), field },
      'A document is not served: it has a field that must never be replicated.',
    );
  });
  const writeQueue = new KeyedConcurrencyLimit(1);
  const service = createPreferencesService({
    couch: upstream.couch,
    registry,
    provision: options.provision,
    definition: options.rules,
    writeQueue,
    now: upstream.clock.now,
  });
  return {
    leaves,
    docIdsLimit,
    hub: new Hub(leaves),
    timer: new TimerWheel(now),
    secretGuard,
    writeQueue,
    service,
    now,
    onDelivered,
    onSlowReader,
    onError: (error, res) => log.error({ ...requestIds(res), err: error }, 'A request failed unexpectedly.'),
  };
}

/** Connects the one upstream feed, which drives the hub. */
function followRegistry<P extends object>(
  options: CoreOptions<P>,
  { hub, docIdsLimit }: Pick<SharedParts<P>, 'hub' | 'docIdsLimit'>,
): Feed {
  const { upstream, mount, feedListener, heartbeat } = options;
  return followChanges({
    access: upstream.access,
    database: mount.database,
    heartbeat,
    onRow: (row) => {
      feedListener?.onRow(row.seq);
      hub.onRow(row);
    },
    onConnect: () => {
      feedListener?.onConnect();
      docIdsLimit.onConnect();
      hub.onConnect();
    },
    onDisconnect: (reason) => {
      hub.onDisconnect();
      docIdsLimit.onDisconnect();
      feedListener?.onDisconnect(reason);
    },
    onActivity: () => feedListener?.onActivity(),
  });
}

function createGateHandler<P extends object>(options: CoreOptions<P>, parts: SharedParts<P>): GateHandler {
  const { upstream, mount, publicUrl, corsOrigins, authenticate, log } = options;
  const { leaves, hub, timer, secretGuard, writeQueue, service, now, onDelivered, onSlowReader, onError } = parts;
  return createGate({
    mount,
    publicUrl,
    corsOrigins,
    authenticate,
    context: {
      registry: mount.database,
      leaves,
      hub,
      forward: options.forward,
      authorizationFor: upstreamAuthorization(upstream.access, options.jwtSecret, upstream.clock.now),
      provision: options.provision,
      repairDocument: (username) =>
        service
          .repair(username)
          .catch((error: unknown) =>
            log.warn({ err: error, username: formatSubject(username) }, 'A malformed document could not be rewritten.'),
          ),
      checkAccess: options.assertActive,
      readDocument: options.rules.readUserDocument,
      wellFormed: new WellFormedRevisions(options.rules.readUserDocument),
      schema: options.rules.schema,
      mergedRevisions: new MergedRevisions(upstream.couch, mount.database),
      secrets: secretGuard,
      timer,
      writeQueue,
      upstreamLimit: new KeyedConcurrencyLimit(MAX_UPSTREAM_REQUESTS_PER_USER),
      now,
      onDelivered,
      onSlowReader,
      onError,
    },
  });
}

function createPreferencesRouter<P extends object>(options: CoreOptions<P>, parts: SharedParts<P>): Router {
  const { rules: definition, assertActive, authenticate, authenticateCookie, corsOrigins, rateLimit } = options;
  const { leaves, hub, timer, service, now, onDelivered, onSlowReader, onError } = parts;
  const streams = createPreferenceStreams({
    hub,
    leaves,
    service,
    definition,
    timer,
    now,
    assertActive,
    onDelivered,
    onSlowReader,
    onError,
    heartbeatMs: options.streamHeartbeatMs,
  });
  return createPreferenceRoutes({
    service,
    definition,
    authenticate,
    authenticateCookie,
    assertActive,
    streams,
    corsOrigins,
    limit: rateLimit,
    onError,
  });
}
