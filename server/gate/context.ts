import type { ServerResponse } from 'node:http';
import type { UserDocument, Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../http/caller.ts';
import type { Forward, UpstreamResponse, UpstreamRequest } from '../upstream/forward.ts';
import type { Hub } from '../registry/hub.ts';
import type { AuthorizationFor } from '../upstream/authorization.ts';
import type { LeafReader } from '../registry/leaf-reader.ts';
import type { Provision } from '../registry/provision-document.ts';
import { readWhile } from '../registry/read-fresh-state.ts';
import type { JsonObject } from '../lib/json.ts';
import type { KeyedConcurrencyLimit } from '../lib/keyed-concurrency-limit.ts';
import type { SecretGuard } from '../registry/secret-guard.ts';
import type { TimerWheel } from '../lib/timer-wheel.ts';
import type { LeafState } from '../registry/leaf-state.ts';

/** Checks a body against the schema of the user document. Returns the document, or the reason why it is invalid. */
export type ReadBody = (
  body: JsonObject,
) => { readonly ok: true; readonly document: UserDocument } | { readonly ok: false; readonly reason: string };

/** What the gate's handlers need of the world. */
export interface GateContext {
  /** The registry's name upstream. */
  readonly registry: string;
  readonly leaves: LeafReader;
  readonly hub: Hub;
  readonly forward: Forward;
  readonly authorizationFor: AuthorizationFor;
  readonly provision: Provision;
  /** Brings a document of an older version up to date, in its own time. Never rejects. */
  readonly upgradeDocument: (username: Username) => Promise<void>;
  /** Rejects when a caller's right has ended meanwhile. */
  readonly checkAccess: (caller: Caller) => Promise<void>;
  readonly readBody: ReadBody;
  readonly secrets: SecretGuard;
  readonly timer: TimerWheel;
  /** One at a time: a write is checked against the tree that it goes to, so no other may come in between. */
  readonly writeQueue: KeyedConcurrencyLimit;
  /** What one user asks the database at once: there are eight connections for all. */
  readonly upstreamLimit: KeyedConcurrencyLimit;
  readonly now: () => number;
  /** Told, in seconds, how long a change took from the feed to a live answer's socket. */
  readonly onDelivered: (seconds: number) => void;
  /** Told when a live answer is dropped because its client does not read. */
  readonly onSlowReader: () => void;
}

/** Asks the upstream about the registry, as the caller. */
export function requestUpstream(
  context: GateContext,
  { username }: { readonly username: Username },
  res: ServerResponse,
  request: Omit<UpstreamRequest, 'authorization'>,
): Promise<UpstreamResponse> {
  const path = [context.registry, ...request.path];
  return context.upstreamLimit.run(username, () =>
    context.forward({ ...request, path, authorization: context.authorizationFor(username) }, res),
  );
}

const isMissingOrDeleted = ({ leaves, deleted }: LeafState): boolean => leaves.length === 0 || deleted;

/** The state of the caller's document; one who has none yet is given one. */
export async function readCurrentState(
  { leaves, provision }: GateContext,
  { ownId, username }: Caller,
): Promise<LeafState> {
  const read = (): Promise<LeafState> => leaves.read(ownId);
  const state = await read();
  if (!isMissingOrDeleted(state)) return state;
  await provision(username);
  // It is there now. A copy of a cluster that has not stored it yet says for a moment that it is not.
  return readWhile(read, isMissingOrDeleted);
}
