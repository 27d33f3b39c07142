/** Pouchgate as a part of an application's own server: `import { createPouchgate } from 'pouchgate'`. */
import { setTimeout as delay } from 'node:timers/promises';
import express, { type Request, type Router } from 'express';
import pino, { type Logger } from 'pino';
import type { z } from 'zod';
import { newSourceDeviceId } from '../couchdb-design/user-document/edit-sources.ts';
import {
  isIdPrefix,
  parseUsername,
  type PatchOf,
  type Preferences,
} from '../couchdb-design/user-document/user-document.ts';
import type { Caller } from './http/caller.ts';
import { createCore } from './app/core.ts';
import { UserRevocations } from './app/user-revocations.ts';
import { forbidden, sendError, unauthorized, serviceUnavailable } from './http/errors.ts';
import { DEFAULT_RATE_LIMITS } from './http/rate-limits.ts';
import { FeedMonitor } from './observability/feed-monitor.ts';
import { createPreferencesResponse, type PreferencesResponse } from './preferences/response.ts';
import { defaultPreferenceDefinition, definePreferences, type PreferenceDefinition } from './preferences/schema.ts';
import { verifySchema, assertTokenAccepted } from './upstream/schema/verify-schema.ts';
import { openUpstream, type Upstream, type UpstreamAccess } from './upstream/client.ts';
import { createForward, createForwardAgent } from './upstream/forward.ts';
import { createProvision } from './registry/provision-document.ts';
import { waitForDatabase } from './upstream/connect.ts';
import { SERVER_ADMIN } from './upstream/schema/security-objects.ts';
import { applySchema } from './upstream/schema/apply-schema.ts';

/** Who asks, as the application knows it. */
export interface Authenticated {
  /** `[a-z0-9][a-z0-9_.@+-]{0,63}`, and never another person's. */
  readonly username: string;
  /** When the right ends, as a date or in ms since 1970; a live request ends then too. */
  readonly expiresAt: Date | number;
}

export interface PouchgateOptions {
  /** CouchDB 3, with a server admin or the service account that `pouchgate setup` makes; `jwtSecret` in base64, as it shows it. */
  readonly couchdb: UpstreamAccess & { readonly jwtSecret?: string };
  /**
   * Finds out who asks, from a header, a cookie or a session of the application's own. Undefined: nobody, which is answered
   * 401. A cookie is sent along with what other sites' pages ask for: check where such a request comes from.
   */
  readonly authenticate: (req: Request) => Promise<Authenticated | undefined> | Authenticated | undefined;
  /** Where the router is mounted in the application; empty (the default) for its root. */
  readonly base?: string;
  /** The shared database, `user_registry` unless told, and that of sessions, `pouchgate_sessions`. */
  readonly registry?: string;
  readonly sessions?: string;
  /** What user documents' ids begin with, `user_` unless told: `[a-z][a-z0-9_.-]{0,31}`, the same in the client. */
  readonly idPrefix?: string;
  /** The deployment's own URL, which goes into the database's identity. */
  readonly publicUrl?: string;
  /** Origins of other sites whose pages may use it. */
  readonly corsOrigins?: readonly string[];
  /** Where to say what an operator should know; nowhere unless told. */
  readonly log?: Logger;
}

/** The application's own preferences. */
export interface OwnPreferences<S extends z.ZodObject> {
  /** A strict object of optional members, each checked for itself. The client's schema has to be the same. */
  readonly schema: S;
  /** Told for what was never set; they are never stored. */
  readonly defaults?: Partial<z.infer<S>>;
}

export interface MountedPouchgate<P extends object = Preferences> {
  /** Serves `/sync` (what PouchDB replicates with) and `/api/users`. Mount it before any body parser. */
  readonly router: Router;
  /** The preferences as `GET /api/users/preferences` tells them. Rejects with an error that has a `status`. */
  readonly read: (username: string) => Promise<PreferencesResponse<P>>;
  /** Sets what the patch names, `null` removes; every open page shows it. Resolves with what holds then. */
  readonly edit: (username: string, patch: PatchOf<P>) => Promise<PreferencesResponse<P>>;
  /** The user has signed out everywhere, or was suspended: ends their live requests. What comes next is asked `authenticate`. */
  readonly endUser: (username: string) => void;
  /** Whether changes are told as they happen. */
  readonly isReady: () => boolean;
  /** Ends all live requests as held, empty answers, answers 503 from then on, and lets go of CouchDB. */
  readonly close: () => Promise<void>;
}

/** Rejects with a sentence when CouchDB cannot be had or is not set up, a TypeError when an option cannot be. */
export async function createPouchgate(options: PouchgateOptions): Promise<MountedPouchgate>;
export async function createPouchgate<S extends z.ZodObject>(
  options: PouchgateOptions & { readonly preferences: OwnPreferences<S> },
): Promise<MountedPouchgate<z.infer<S>>>;
export async function createPouchgate(
  options: PouchgateOptions & { readonly preferences?: OwnPreferences<z.ZodObject> },
): Promise<MountedPouchgate<object>> {
  const { preferences: own, idPrefix } = options;
  if (idPrefix !== undefined && !isIdPrefix(idPrefix)) {
    throw new TypeError('idPrefix has to be 1 to 32 of a-z, 0-9, "_", "." and "-", and to begin with a letter.');
  }
  if (own === undefined) return await mount(options, defaultPreferenceDefinition(idPrefix));
  return await mount(options, definePreferences(own.schema, own.defaults ?? {}, idPrefix));
}

async function mount<P extends object>(
  options: PouchgateOptions,
  rules: PreferenceDefinition<P>,
): Promise<MountedPouchgate<P>> {
  const { couchdb, base = '', registry = 'user_registry', sessions = 'pouchgate_sessions' } = options;
  const idPrefix = options.idPrefix === undefined ? {} : { idPrefix: options.idPrefix };
  const { log = pino({ level: 'silent' }), corsOrigins = [], publicUrl = '' } = options;
  if (base !== '' && !/^(\/[^/?#]+)+$/.test(base)) throw new TypeError('base has to be a path such as /prefs.');
  const jwtSecret = couchdb.jwtSecret === undefined ? undefined : Buffer.from(couchdb.jwtSecret, 'base64');
  const upstream = openUpstream(couchdb);
  try {
    await prepareDatabase(upstream, { registry, sessions, ...idPrefix }, jwtSecret, log);
  } catch (error) {
    await upstream.close();
    throw error;
  }
  const agent = createForwardAgent(couchdb.url);
  const revocations = new UserRevocations();
  const authenticate = async (req: Request): Promise<Caller> => {
    const snapshot = revocations.snapshot();
    const caller = toCaller(await options.authenticate(req), rules.idOf);
    return revocations.bind(caller, snapshot);
  };
  const feeds = new FeedMonitor('registry', log);
  const core = createCore({
    upstream,
    forward: createForward(couchdb.url, { agent }),
    jwtSecret,
    mount: { base: `${base}/sync`, database: registry },
    publicUrl,
    corsOrigins,
    rules,
    provision: createProvision(upstream.couch, registry, rules.idOf),
    authenticate,
    authenticateCookie: authenticate,
    assertActive: (caller) => revocations.assertActive(caller),
    rateLimit: DEFAULT_RATE_LIMITS.preferencesByName,
    log,
    feedListener: feeds,
  });
  const router = express.Router({ caseSensitive: true, strict: true });
  let isClosing = false;
  router.use((_req, res, next) => {
    // Or else whoever is sent away comes back at once, and there is no end.
    if (isClosing) sendError(res, serviceUnavailable('The server is stopping.'));
    else next();
  });
  router.use('/sync', core.gate);
  router.use('/api/users', core.preferences);
  const device = newSourceDeviceId('application', Math.random);
  return {
    router,
    read: async (username) => createPreferencesResponse(await core.service.read(usernameOf(username)), rules),
    edit: async (username, patch) => {
      const checked = rules.patchSchema.parse(patch);
      return createPreferencesResponse(await core.service.edit(usernameOf(username), device, () => checked), rules);
    },
    endUser: (username) => {
      revocations.revoke(username);
      core.hub.onRevocation({ kind: 'account', username: usernameOf(username) });
    },
    isReady: () => core.hub.connected,
    close: async () => {
      isClosing = true;
      // Again and again: some are parked only now, and some are held for as long as an empty answer has to be.
      while (core.hub.size > 0) {
        for (const waiter of core.hub.all()) waiter.end();
        await delay(50);
      }
      core.close();
      agent.destroy();
      await upstream.close();
    },
  };
}

/** Sets up what is missing, as a server admin; as the service account, looks whether all is there. */
async function prepareDatabase(
  upstream: Upstream,
  names: { readonly registry: string; readonly sessions: string; readonly idPrefix?: string },
  jwtSecret: Buffer | undefined,
  log: Logger,
): Promise<void> {
  const { couch } = upstream;
  const account = await waitForDatabase(couch);
  if (account.roles.includes(SERVER_ADMIN)) await applySchema({ couch, ...names });
  else for (const warning of await verifySchema({ couch, ...names, account })) log.warn(warning);
  if (jwtSecret !== undefined) await assertTokenAccepted(upstream, jwtSecret);
}

function usernameOf(name: string) {
  const username = parseUsername(name);
  if (username === undefined) throw forbidden(`${JSON.stringify(name.slice(0, 100))} cannot be a username here.`);
  return username;
}

function toCaller(authenticated: Authenticated | undefined, idOf: PreferenceDefinition['idOf']): Caller {
  if (authenticated === undefined) throw unauthorized('Nobody is signed in.');
  const username = usernameOf(authenticated.username);
  const expiresAt = Number(authenticated.expiresAt);
  if (!(expiresAt > Date.now())) throw unauthorized('The right to this is over. Sign in again.');
  return { username, ownId: idOf(username), sessionId: undefined, expiresAt };
}
