import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Request, Router } from 'express';
import type { Logger } from 'pino';
import type { z } from 'zod';
import type { PatchOf, Preferences } from '../../couchdb-design/user-document/user-document.ts';
import type { PreferencesResponse } from '../preferences/response.ts';
import type { UpstreamAccess } from '../upstream/client.ts';

/** A signed-in user, as the application knows them. */
export interface Authenticated {
  /**
   * The user's name or subject: any text of 1 to 255 characters that stays the same for this user. It is case-sensitive, and used
   * unchanged. Two people must never share one.
   */
  readonly username: string;
  /**
   * When the user's session ends, as a `Date` or in milliseconds since 1970. A live request ends at that time. The `exp` of a JWT
   * is in seconds: multiply it by 1000.
   */
  readonly expiresAt: Date | number;
}

/** The options of `createPouchgate`. */
export interface PouchgateOptions {
  /**
   * The CouchDB 3 server: its URL without credentials, and the name and password of a server admin or of the service account
   * that `pouchgate setup` creates. With `jwtSecret` (base64, as `pouchgate setup` prints it) users' requests are sent as that
   * user; without it they are sent as the given account. `docIdsThreshold` is the lowest `changes_doc_ids_optimization_threshold`
   * of CouchDB's nodes, an integer from 1; set it if it is lower than the default of CouchDB's version.
   *
   * With `{ dataDirectory }` it starts the embedded engine instead: a CouchDB-compatible database that stores its data in that
   * directory, in a separate process, for development and small private deployments. Default: `{ dataDirectory: './data' }`.
   * With `NODE_ENV=production` there is no default.
   */
  readonly couchdb?:
    | (UpstreamAccess & { readonly jwtSecret?: string | undefined; readonly docIdsThreshold?: number | undefined })
    | { readonly dataDirectory: string }
    | undefined;
  /**
   * Returns the user of a request, from a header, a cookie or the application's own session, or `undefined` if none is signed
   * in, which is answered with 401. Browsers also send cookies with requests from other sites: with cookies, check the
   * request's `Origin`. `null` has the same meaning as `undefined`. The request has the methods of an Express
   * request in every framework.
   */
  readonly authenticate: (req: Request) => Promise<Authenticated | null | undefined> | Authenticated | null | undefined;
  /**
   * The path at which the application mounts the router, such as `/prefs`. Default: for `router`, the path at which it is
   * mounted; for `listener`, empty, the root.
   */
  readonly base?: string | undefined;
  /** The name of the shared database of user documents. Default: `user_registry`. */
  readonly registry?: string | undefined;
  /** The name of the database of sessions. Default: `pouchgate_sessions`. */
  readonly sessions?: string | undefined;
  /** The prefix of user documents' ids: `[a-z][a-z0-9_.-]{0,31}`, the same in the client. Default: `user_`. */
  readonly idPrefix?: string | undefined;
  /** The deployment's public URL, which is part of the database's identity. Default: empty. */
  readonly publicUrl?: string | undefined;
  /** The origins of other sites whose pages may use the router, such as `https://app.example.org`. Default: none. */
  readonly corsOrigins?: readonly string[] | undefined;
  /**
   * The log for warnings and errors. Default: none. Mistakes in the application's code are then
   * reported by `process.emitWarning`.
   */
  readonly log?: Logger | undefined;
}

/** The preferences of an application that does not use the built-in ones. */
export interface OwnPreferences<S extends z.ZodObject> {
  /**
   * A strict object of optional members, each validated independently. It must not transform values, have defaults, or be
   * asynchronous. The client's schema must be the same.
   */
  readonly schema: S;
  /** The values returned for preferences that were never set. They are never stored. Default: none. */
  readonly defaults?: Partial<z.infer<S>> | undefined;
  /**
   * Converts values that earlier versions of the application have stored, for example when a preference was renamed. The client's
   * `upgrade` must be the same. It is called when a document is read, with the stored values by name. It must be a pure function,
   * return values of the current schema as they are, and accept any subset of the values. What it derives is stored with
   * the next edit; stored values are never overwritten. If it throws, the values are used as they are. Default: none.
   */
  readonly upgrade?: ((values: Readonly<Record<string, unknown>>) => Readonly<Record<string, unknown>>) | undefined;
}

/**
 * A request listener for any server and framework that is based on `node:http`.
 *
 * @param req - The request, whose body no other handler has read.
 * @param res - The response, which no other handler writes to.
 * @param next - Called for a URL that Pouchgate does not serve. Default: the response is 404.
 */
export type PouchgateListener = (req: IncomingMessage, res: ServerResponse, next?: () => void) => void;

/** A running gate, to be mounted in the application. */
export interface MountedPouchgate<P extends object = Preferences> {
  /**
   * The Express router. It serves `/sync`, which PouchDB replicates with, and `/api/users`. Mount it at any path, or at `base` if
   * that is set, before any body parser.
   */
  readonly router: Router;
  /**
   * The gate as a request listener, for Fastify, Hono, `node:http` and other servers (docs/recipes). It reads the whole path of
   * the request from `req.originalUrl` if a framework has set it, and otherwise from `req.url`. It serves
   * `<base>/sync` and `<base>/api/users`, and passes any other path to `next`.
   */
  readonly listener: PouchgateListener;
  /**
   * Returns a user's preferences, as `GET /api/users/preferences` does.
   *
   * @param username - The user's name. The document is created if there is none.
   * @returns The preferences with defaults, the last edit of each, and the time of the last update.
   * @throws An error with a `status`: 403 if the username is not a well-formed text of 1 to 255 characters, 409 if the
   *   document was written by a newer version, 502 or 503 if the database fails.
   */
  readonly read: (username: string) => Promise<PreferencesResponse<P>>;
  /**
   * Edits a user's preferences. Every open page shows the change.
   *
   * @param username - The user's name. The document is created if there is none.
   * @param patch - The preferences to set. `null` removes one, so that its default applies.
   * @returns The preferences after the edit.
   * @throws An error with the `status` 422 if a value is invalid or the document would be too large: `errors` has the `pointer` to
   *   each member (RFC 6901) and what is expected (`detail`). Otherwise the errors of `read`.
   */
  readonly edit: (username: string, patch: PatchOf<P>) => Promise<PreferencesResponse<P>>;
  /**
   * Ends a user's live requests. Call it when the user has signed out everywhere or was suspended. Their next request calls
   * `authenticate` again.
   *
   * @param username - The user's name.
   * @throws An error with `status` 403 if the username is not a well-formed text of 1 to 255 characters.
   */
  readonly endUser: (username: string) => void;
  /** Returns whether changes are delivered live, which requires the connection of CouchDB's feed. */
  readonly isReady: () => boolean;
  /**
   * Ends all live requests as held, empty responses, answers further requests with 503, and closes the connections to CouchDB.
   *
   * @returns A promise that resolves once everything is closed.
   */
  readonly close: () => Promise<void>;
}
