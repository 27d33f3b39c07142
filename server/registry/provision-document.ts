import {
  newUserDocument,
  type UserDocumentId,
  type Username,
} from '../../couchdb-design/user-document/user-document.ts';
import { statusOf, type Upstream } from '../upstream/client.ts';
import { toUpstreamError } from '../upstream/upstream-error.ts';

/** Creates a user's document if it does not exist. Rejects with 502 or 503 when the upstream fails. */
export type Provision = (username: Username) => Promise<void>;

/**
 * The server creates a user's first revision, so that two devices never create two roots. An existing document is left
 * unchanged; a deleted one is created again on top of its tombstone. Concurrent calls for one user share one request.
 */
export function createProvision(
  { couch, clock }: Pick<Upstream, 'couch' | 'clock'>,
  registry: string,
  idOf: (username: Username) => UserDocumentId,
): Provision {
  const inFlight = new Map<Username, Promise<void>>();
  const create = async (username: Username): Promise<void> => {
    try {
      await couch.use(registry).insert(newUserDocument(username, new Date(clock.now()), idOf(username)));
    } catch (error) {
      if (statusOf(error) !== 409) throw toUpstreamError(error);
    }
  };
  return (username) => {
    const pending = inFlight.get(username);
    if (pending !== undefined) return pending;
    const created = create(username).finally(() => inFlight.delete(username));
    inFlight.set(username, created);
    return created;
  };
}
