/** Pouchgate as a part of an application's own server: `import { createPouchgate } from 'pouchgate'`. */
import { setTimeout as delay } from 'node:timers/promises';
import express, { type Request, type RequestHandler, type Router } from 'express';
import pino from 'pino';
import type { z } from 'zod';
import { newSourceDeviceId } from '../couchdb-design/user-document/edit-sources.ts';
import { isObject } from '../couchdb-design/user-document/json.ts';
import { encodeSubject, DEFAULT_ID_PREFIX, type Username } from '../couchdb-design/user-document/user-document.ts';
import { AuthenticateError, checkAuthenticated } from './app/check-authenticated.ts';
import { checkOptions } from './app/check-options.ts';
import { createCore, type Core } from './app/core.ts';
import { createListener } from './app/listener.ts';
import type { MountedPouchgate, OwnPreferences, PouchgateOptions } from './app/mounted-pouchgate.ts';
import { createMountCheck, createWrongBaseResponse, type RespondWrongBase } from './app/mount-check.ts';
import { createRequestTracker } from './app/mounted-requests.ts';
import { DEFAULT_DATA_DIRECTORY, openMountedUpstream, resolveMountedUpstream } from './app/mounted-upstream.ts';
import { UserRevocations } from './app/user-revocations.ts';
import { createWarnOnce, type WarnOnce } from './app/warn-once.ts';
import type { Caller } from './http/caller.ts';
import { createErrorCors, type Cors } from './http/cors.ts';
import { setDateHeader, type ResponseClock } from './http/date-header.ts';
import { toExpressRequest } from './http/express-request.ts';
import { badRequest, forbidden, HttpError, sendError, serviceUnavailable } from './http/errors.ts';
import { DEFAULT_RATE_LIMITS } from './http/rate-limits.ts';
import { tokenRefusal } from './http/token-refusal.ts';
import { ClockMonitor } from './observability/clock-monitor.ts';
import { FeedMonitor } from './observability/feed-monitor.ts';
import { createPreferencesResponse } from './preferences/response.ts';
import { defaultPreferenceDefinition, definePreferences, type PreferenceDefinition } from './preferences/schema.ts';
import type { Hub } from './registry/hub.ts';
import { createProvision } from './registry/provision-document.ts';
import { createForward } from './upstream/forward.ts';
import { createForwardAgent } from './upstream/forward-agent.ts';

export type {
  Authenticated,
  MountedPouchgate,
  OwnPreferences,
  PouchgateListener,
  PouchgateOptions,
} from './app/mounted-pouchgate.ts';

/**
 * Creates a gate to mount in an Express application, or in any other Node server through its `listener`. As a server admin it
 * creates the databases and their design documents. As the service account it verifies that they are present.
 *
 * @param options - CouchDB, the application's authentication, and where the router is mounted. With `preferences`, the gate
 *   serves the application's own preferences instead of the built-in ones.
 * @returns The router and the operations on users' preferences. Call its `close` before the process exits.
 * @throws A `TypeError` if an option is invalid. An `Error` with a message for the operator if CouchDB is unreachable, rejects
 *   the credentials, or is not set up.
 *
 * @example
 * ```ts
 * const app = express();
 * const pouchgate = await createPouchgate({
 *   couchdb: { url: 'http://127.0.0.1:5984', username: 'pouchgate', password: process.env.COUCHDB_PASSWORD ?? '' },
 *   base: '/prefs',
 *   authenticate: (req) => findSession(req.headers.cookie),
 * });
 * app.use('/prefs', pouchgate.router);
 * await pouchgate.edit('alice', { theme: 'dark' });
 * ```
 */
export async function createPouchgate(options: PouchgateOptions): Promise<MountedPouchgate>;
/**
 * Creates a gate that serves the application's own preferences.
 *
 * @param options - The same options, with the schema and the defaults of the application's preferences.
 * @returns The router and the operations on users' preferences, typed by the schema.
 * @throws A `TypeError` if an option or the schema is invalid. An `Error` with a message for the operator if CouchDB is
 *   unreachable, rejects the credentials, or is not set up.
 *
 * @example
 * ```ts
 * const schema = z.strictObject({ density: z.enum(['cosy', 'compact']).optional() });
 * const pouchgate = await createPouchgate({ couchdb, authenticate, preferences: { schema, defaults: { density: 'cosy' } } });
 * ```
 */
export async function createPouchgate<S extends z.ZodObject>(
  options: PouchgateOptions & { readonly preferences: OwnPreferences<S> },
): Promise<MountedPouchgate<z.infer<S>>>;
export async function createPouchgate(
  options: PouchgateOptions & { readonly preferences?: OwnPreferences<z.ZodObject> },
): Promise<MountedPouchgate<object>> {
  checkOptions(options);
  const { preferences, idPrefix } = options;
  if (preferences === undefined) return await mount(options, defaultPreferenceDefinition(idPrefix));
  const { schema, defaults, upgrade } = preferences;
  const definition = definePreferences(schema, { defaults, upgrade, idPrefix, onMistake: createWarnOnce(options.log) });
  return await mount(options, definition);
}

const EMBEDDED_BY_DEFAULT = `The option couchdb is not set. The embedded engine stores all data in ${DEFAULT_DATA_DIRECTORY}. Set couchdb to { url, username, password } in production, or to { dataDirectory } in development.`;

async function mount<P extends object>(
  options: PouchgateOptions,
  rules: PreferenceDefinition<P>,
): Promise<MountedPouchgate<P>> {
  const { registry = 'user_registry', sessions = 'pouchgate_sessions' } = options;
  const { idPrefix = DEFAULT_ID_PREFIX, log = pino({ level: 'silent' }), base, corsOrigins = [] } = options;
  const couchdb = await resolveMountedUpstream(options.couchdb, process.env, (sentence) => log.error(sentence));
  const upstream = await openMountedUpstream(
    couchdb,
    { registry, sessions, idPrefix },
    { onWarning: (sentence) => log.warn(sentence), onEstimate: new ClockMonitor(log).onEstimate },
  );
  const { access, jwtSecret, docIdsThreshold } = couchdb;
  const agent = createForwardAgent(access.url);
  const warnOnce = createWarnOnce(options.log);
  // NODE_ENV may not be set in production, and the value of `couchdb` may come from an environment that lacks it.
  if (options.couchdb === undefined) warnOnce('couchdb', EMBEDDED_BY_DEFAULT);
  const revocations = new UserRevocations();
  const authenticate = createAuthenticator(options.authenticate, { revocations, idOf: rules.idOf, warnOnce });
  const core = createCore({
    upstream,
    forward: createForward(access.url, { agent }),
    jwtSecret,
    docIdsThreshold,
    mount: { base: base === undefined ? undefined : `${base}/sync`, database: registry },
    publicUrl: options.publicUrl ?? '',
    corsOrigins,
    rules,
    provision: createProvision(upstream, registry, rules.idOf),
    authenticate,
    authenticateCookie: authenticate,
    assertActive: (caller) => revocations.assertActive(caller),
    rateLimit: DEFAULT_RATE_LIMITS.preferencesByName,
    log,
    feedListener: new FeedMonitor('registry', log),
  });
  const allowOrigin = createErrorCors(corsOrigins);
  const respondWrongBase = createWrongBaseResponse(allowOrigin, warnOnce);
  const trackRequests = createRequestTracker(options.log, registry);
  const { clock } = upstream;
  const gate = createClosableRouter(core, { base, allowOrigin, respondWrongBase, trackRequests, clock });
  return {
    router: gate.router,
    listener: createListener(gate.router, base ?? '', respondWrongBase),
    ...createPreferencesAccess(core, rules),
    endUser: (subject) => {
      const username = toUsername(subject);
      revocations.revoke(username);
      core.hub.onRevocation({ kind: 'account', username });
    },
    isReady: () => core.hub.connected,
    close: async () => {
      gate.rejectRequests();
      await endLiveRequests(core.hub);
      core.close();
      agent.destroy();
      await upstream.close();
      await couchdb.close();
    },
  };
}

interface AuthenticatorOptions {
  readonly revocations: UserRevocations;
  readonly idOf: PreferenceDefinition['idOf'];
  readonly warnOnce: WarnOnce;
}

/** Adapts the application's authentication to the gate, and detects a revocation that occurs while it is pending. */
function createAuthenticator(
  authenticate: PouchgateOptions['authenticate'],
  { revocations, idOf, warnOnce }: AuthenticatorOptions,
): (req: Request) => Promise<Caller> {
  return async (req) => {
    const snapshot = revocations.snapshot();
    try {
      const authenticated = checkAuthenticated(await authenticate(req));
      return revocations.bind(toCaller(authenticated, idOf), snapshot);
    } catch (error) {
      if (error instanceof AuthenticateError) warnOnce('authenticate', error.message);
      else if (!(error instanceof HttpError)) warnOnce('authenticate', `authenticate failed: ${String(error)}`);
      throw error;
    }
  };
}

interface ClosableRouterOptions {
  readonly base: string | undefined;
  readonly allowOrigin: Cors;
  readonly respondWrongBase: RespondWrongBase;
  /** Creates the handler that identifies and observes the requests to a path within the router. */
  readonly trackRequests: (path: string) => RequestHandler;
  /** The time of responses. */
  readonly clock: ResponseClock;
}

/** Creates the router of both interfaces. After `rejectRequests` it responds with 503 to every request to them. */
function createClosableRouter<P extends object>(
  core: Core<P>,
  { base, allowOrigin, respondWrongBase, trackRequests, clock }: ClosableRouterOptions,
): { readonly router: Router; readonly rejectRequests: () => void } {
  const router = express.Router({ caseSensitive: true, strict: true });
  let isClosing = false;
  const admit: RequestHandler = (req, res, next) => {
    setDateHeader(res, clock);
    // Otherwise clients whose live requests were ended reconnect immediately, and `close` never finishes.
    if (isClosing) {
      allowOrigin(req, res, () => sendError(res, serviceUnavailable('The server is stopping.')));
      return;
    }
    toExpressRequest(req, res);
    next();
  };
  for (const [path, routes] of [['/sync', core.gate] as const, ['/api/users', core.preferences] as const]) {
    router.use(path, trackRequests(path), createMountCheck(base, path, respondWrongBase), admit, routes);
  }
  return {
    router,
    rejectRequests: () => {
      isClosing = true;
    },
  };
}

/** Creates the application's own access to preferences. */
function createPreferencesAccess<P extends object>(
  { service }: Core<P>,
  rules: PreferenceDefinition<P>,
): Pick<MountedPouchgate<P>, 'read' | 'edit'> {
  const device = newSourceDeviceId('application', Math.random);
  return {
    read: async (subject) => createPreferencesResponse(await service.read(toUsername(subject)), rules),
    edit: async (subject, patch) => {
      if (!isObject(patch)) throw badRequest('The patch must be an object of preferences by name.');
      const edited = await service.edit(toUsername(subject), device, () => patch);
      return createPreferencesResponse(edited, rules);
    },
  };
}

/** Ends all live requests. It repeats, because some are parked only now, and an empty response is held for a while. */
async function endLiveRequests(hub: Hub): Promise<void> {
  while (hub.size > 0) {
    for (const waiter of hub.all()) waiter.end();
    await delay(50);
  }
}

function toUsername(subject: string): Username {
  const username = encodeSubject(subject);
  if (username === undefined) throw forbidden('The username is not a well-formed text of 1 to 255 characters.');
  return username;
}

function toCaller(authenticated: ReturnType<typeof checkAuthenticated>, idOf: PreferenceDefinition['idOf']): Caller {
  if (authenticated === undefined) throw tokenRefusal('token-missing', 'Not signed in.');
  const { username, expiresAt } = authenticated;
  if (!(expiresAt > Date.now())) throw tokenRefusal('token-expired', 'Your access has expired. Sign in again.');
  return { username, ownId: idOf(username), sessionId: undefined, expiresAt };
}
