import type { ServerResponse } from 'node:http';
import type { PreferenceSchema } from '../../couchdb-design/user-document/preference-schema.ts';
import type { UserDocumentReader } from '../../couchdb-design/user-document/read-user-document.ts';
import type { Username } from '../../couchdb-design/user-document/user-document.ts';
import type { Caller } from '../http/caller.ts';
import type { FairSlots } from '../upstream/fair-slots.ts';
import type { Forward, UpstreamResponse, UpstreamRequest } from '../upstream/forward.ts';
import type { Hub } from '../registry/hub.ts';
import type { AuthorizationFor } from '../upstream/authorization.ts';
import type { LeafReader } from '../registry/leaf-reader.ts';
import type { MergedRevisions } from '../registry/merged-revisions.ts';
import type { Provision } from '../registry/provision-document.ts';
import type { WellFormedRevisions } from './reads/well-formed-revisions.ts';
import { readWhile } from '../registry/read-fresh-state.ts';
import type { FairTurns } from '../lib/fair-turns.ts';
import type { KeyedConcurrencyLimit } from '../lib/keyed-concurrency-limit.ts';
import type { SecretGuard } from '../registry/secret-guard.ts';
import { runInSlices } from '../lib/time-slices.ts';
import type { TimerWheel } from '../lib/timer-wheel.ts';
import type { LeafState } from '../registry/leaf-state.ts';
import type { UserQuota } from './user-quota.ts';

/** Dependencies of the gate's handlers. */
export interface GateContext {
  /** The name of the registry's database upstream. */
  readonly registry: string;
  readonly leaves: LeafReader;
  readonly hub: Hub;
  readonly forward: Forward;
  readonly authorizationFor: AuthorizationFor;
  readonly provision: Provision;
  /** Which revisions are read unchanged. */
  readonly wellFormed: WellFormedRevisions;
  /** Rewrites a malformed document, or one of an older version, in the background. Never rejects. */
  readonly repairDocument: (username: Username) => Promise<void>;
  /** Rejects when the caller's access has ended since authentication. */
  readonly checkAccess: (caller: Caller) => Promise<void>;
  /** Reads stored and replicated documents of any version that this program knows. */
  readonly readDocument: UserDocumentReader;
  /** The rules for what a write changes. */
  readonly schema: PreferenceSchema;
  readonly mergedRevisions: MergedRevisions;
  readonly secrets: SecretGuard;
  readonly timer: TimerWheel;
  /** One write of a user at a time: no other may come between the check against the revision tree and the write. */
  readonly writeQueue: KeyedConcurrencyLimit;
  /** The connections to the database, which all users share in fair order. */
  readonly upstreamSlots: FairSlots;
  /** The event loop, which all users share in fair order. */
  readonly turns: FairTurns;
  /** Each user's memory and requests in progress. */
  readonly quota: UserQuota;
  readonly now: () => number;
  /** Called with the seconds that a change took from the feed to a live response's socket. */
  readonly onDelivered: (seconds: number) => void;
  /** Called when a live response is dropped because its client does not read. */
  readonly onSlowReader: () => void;
  /** Called with unexpected errors, and the response of the request that they failed. */
  readonly onError: (error: unknown, res: ServerResponse) => void;
}

/** Runs synchronous work for the caller, such as parsing and serialising, at the caller's turn. */
export const runTurn = <T>(
  { turns }: Pick<GateContext, 'turns'>,
  { username }: Pick<Caller, 'username'>,
  work: () => T,
): T | Promise<T> => turns.run(username, work);

/** Runs the steps of a longer work for the caller, in slices of 8 ms, each at a turn of the caller. */
export const runSteps = <T>(
  context: Pick<GateContext, 'turns'>,
  caller: Pick<Caller, 'username'>,
  steps: Generator<void, T, void>,
): Promise<T> => runInSlices(steps, (slice) => runTurn(context, caller, slice));

/**
 * Sends a request about the registry upstream, as the caller, once the caller has one of the connections. The caller's access is
 * checked then, because a slow body, or the wait for other requests, may have taken minutes. `path` is relative to the registry.
 */
export function requestUpstream(
  context: GateContext,
  caller: Caller,
  res: ServerResponse,
  request: Omit<UpstreamRequest, 'authorization'>,
): Promise<UpstreamResponse> {
  const { username } = caller;
  const built = {
    ...request,
    path: [context.registry, ...request.path],
    runTurn: context.turns.runnerFor(username),
  };
  const send = async (): Promise<UpstreamResponse> => {
    await context.checkAccess(caller);
    return context.forward({ ...built, authorization: context.authorizationFor(username) }, res);
  };
  return context.upstreamSlots.run(username, send, res);
}

const isMissingOrDeleted = ({ leaves, deleted }: LeafState): boolean => leaves.length === 0 || deleted;

/** Reads the state of the caller's document, and creates the document if it does not exist. */
export async function readCurrentState(
  { leaves, provision }: GateContext,
  { ownId, username }: Caller,
): Promise<LeafState> {
  const read = (): Promise<LeafState> => leaves.read(ownId);
  const state = await read();
  if (!isMissingOrDeleted(state)) return state;
  await provision(username);
  // The document exists now. A lagging replica of a cluster may still report it as missing for a moment.
  return readWhile(read, isMissingOrDeleted);
}
