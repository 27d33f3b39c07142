import { waitForDatabase } from '../connect.ts';
import type { Upstream } from '../client.ts';
import { applySchema, type SchemaOutcome } from './apply-schema.ts';
import { SERVER_ADMIN } from './security-objects.ts';
import { assertTokenAccepted, verifySchema } from './verify-schema.ts';

export interface PrepareDatabaseOptions {
  readonly upstream: Upstream;
  /** The names of the databases. */
  readonly registry: string;
  readonly sessions: string;
  /** The prefix of user documents' ids. Default: `user_`. */
  readonly idPrefix?: string;
  /** The gate's key in CouchDB. Undefined: users' requests are sent as the service account. */
  readonly jwtSecret: Buffer | undefined;
  /** Called with a sentence for each thing that an operator should correct. */
  readonly onWarning: (sentence: string) => void;
  /** Called after the databases were set up, which only a server admin does. */
  readonly onApplied?: (outcomes: readonly SchemaOutcome[]) => void;
}

/**
 * Waits for the upstream, then sets the databases up as a server admin or verifies them as the service account, and
 * checks that the upstream accepts the gate's tokens.
 *
 * @throws {SetupError} A sentence for the operator, if the gate cannot work with this upstream.
 */
export async function prepareDatabase(options: PrepareDatabaseOptions): Promise<void> {
  const { upstream, registry, sessions, jwtSecret, onWarning, onApplied } = options;
  const { couch } = upstream;
  const account = await waitForDatabase(couch);
  const idPrefix = options.idPrefix === undefined ? {} : { idPrefix: options.idPrefix };
  const schema = { couch, registry, sessions, account, ...idPrefix };
  if (account.roles.includes(SERVER_ADMIN)) {
    const outcomes = await applySchema(schema);
    onApplied?.(outcomes);
  } else {
    for (const warning of await verifySchema(schema)) onWarning(warning);
  }
  if (jwtSecret !== undefined) await assertTokenAccepted(upstream, jwtSecret);
}
