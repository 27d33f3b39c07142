/** The message between the processes of `pouchgate/testing`. */

/** Sent by the child process to its parent once its server listens. */
export interface StartedForTests {
  /** The server's origin. */
  readonly url: string;
  /** The name of the server admin of the in-memory CouchDB. */
  readonly username: string;
  /** The password of that server admin. */
  readonly password: string;
  /** The name of the shared database; empty for a CouchDB alone. */
  readonly registry: string;
}
