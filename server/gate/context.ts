import type { ServerResponse } from 'node:http';
import type { Username } from '../../couchdb-design/user-document.ts';
import type { Caller } from '../caller.ts';
import type { Forward, UpstreamAnswer, UpstreamRequest } from '../upstream/forward.ts';
import type { Hub } from '../upstream/hub.ts';
import type { AuthorizationFor } from '../upstream/identity.ts';
import type { LeavesReader } from '../upstream/leaves.ts';
import type { Provision } from '../upstream/provision.ts';
import { readWhileDoubtful } from './believe.ts';
import type { FewAtATime } from './few-at-a-time.ts';
import type { SecretGuard } from './secret-guard.ts';
import type { SharedTimer } from './shared-timer.ts';
import type { LeafState } from '../upstream/leaf-state.ts';
import type { ReadBody } from './write-request.ts';

/** What the gate's handlers need of the world. */
export interface GateContext {
  /** The registry's name upstream. */
  readonly registry: string;
  readonly leaves: LeavesReader;
  readonly hub: Hub;
  readonly forward: Forward;
  readonly authorizationFor: AuthorizationFor;
  readonly provision: Provision;
  /** Brings a document of an older version up to date, in its own time. Never rejects. */
  readonly upgrade: (username: Username) => Promise<void>;
  /** Rejects when a caller's right has ended meanwhile. */
  readonly checkRight: (caller: Caller) => Promise<void>;
  readonly readBody: ReadBody;
  readonly secrets: SecretGuard;
  readonly timer: SharedTimer;
  /** One at a time: a write is checked against the tree that it goes to, so no other may come in between. */
  readonly writes: FewAtATime;
  /** What one user asks the database at once: there are eight connections for all. */
  readonly asks: FewAtATime;
  readonly now: () => number;
  /** Told, in seconds, how long a change took from the feed to a live answer's socket. */
  readonly onDelivered: (seconds: number) => void;
  /** Told when a live answer is dropped because its client does not read. */
  readonly onSlowReader: () => void;
}

/** Asks the upstream about the registry, as the caller. */
export function ask(
  context: GateContext,
  { username }: { readonly username: Username },
  res: ServerResponse,
  request: Omit<UpstreamRequest, 'authorization'>,
): Promise<UpstreamAnswer> {
  const path = [context.registry, ...request.path];
  return context.asks.run(username, () =>
    context.forward({ ...request, path, authorization: context.authorizationFor(username) }, res),
  );
}

const isGone = ({ leaves, deleted }: LeafState): boolean => leaves.length === 0 || deleted;

/** The state of the caller's document; one who has none yet is given one. */
export async function currentState(
  { leaves, provision }: GateContext,
  { ownId, username }: Caller,
): Promise<LeafState> {
  const read = (): Promise<LeafState> => leaves.read(ownId);
  const state = await read();
  if (!isGone(state)) return state;
  await provision(username);
  // It is there now. A copy of a cluster that has not stored it yet says for a moment that it is not.
  return readWhileDoubtful(read, isGone);
}
